// The child process of one contender.

import { answerer, failure, type AnyContender, type Request } from './answer.ts'
import { CONTENDERS } from './contender.ts'

const answer = answerer(async (contender) => {
  const module = (await import(CONTENDERS[contender])) as { createContender: () => AnyContender }
  return module.createContender()
})

process.on('message', (request: Request) => {
  void answer(request)
    .catch(failure)
    .then((reply) => {
      process.send?.(reply, undefined, undefined, () => {
        if (reply.verb === 'dispose') process.exit(0)
      })
    })
})
// A parent that dies takes its contenders along.
process.on('disconnect', () => process.exit(1))
