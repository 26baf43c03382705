// All computing happens here, so that the page stays alive: models, compression, kernels and their threads. The page ends
// the worker to stop it; what is not needed for a first answer is loaded when it is asked for.

import type { Answered, Asked, Reply, Request } from './messages.ts'
import { classify } from './classify.ts'

async function serve(request: Request, say: (reply: Reply) => void): Promise<void> {
  switch (request.verb) {
    case 'classify':
      return say({ verb: 'classified', result: await classify(request.slot, request.texts, say) })
    case 'inspect': {
      const { inspect } = await import('./inspect.ts')
      return say({ verb: 'inspected', result: await inspect(request.model, request.variant, say) })
    }
    case 'verify': {
      const { verify } = await import('./verify.ts')
      return say({ verb: 'verified', result: await verify(request.model, request.variant, request.devices, say) })
    }
    case 'bench': {
      const { bench } = await import('./bench.ts')
      await bench(request.plan, say)
      return say({ verb: 'benched' })
    }
  }
}

// one after another: work side by side would disturb the times of both
let queue: Promise<void> = Promise.resolve()
addEventListener('message', ({ data: { id, request } }: MessageEvent<Asked>) => {
  const say = (reply: Reply): void => postMessage({ id, reply } satisfies Answered)
  queue = queue
    .then(() => serve(request, say))
    .catch((error: unknown) => say({ verb: 'error', message: error instanceof Error ? error.message : String(error) }))
})
