// The page of one contender: answers what the parent asks, as lib/host.ts does in a process of Node. The contender's
// module lies beside this one, under a name of its own, so that the page loads no other peer.

import { answerer, failure, type AnyContender } from './answer.ts'
import { requestOf, toJson } from './json.ts'

const answer = answerer(async () => {
  const place = new URL('contender.js', location.href).href
  return ((await import(place)) as { createContender: () => AnyContender }).createContender()
})

// The inspector holds the promise it waits for weakly: calls under way are kept here.
const underWay = new Set<Promise<string>>()

function ask(text: string): Promise<string> {
  const promise = answer(requestOf(text))
    .catch(failure)
    .then(toJson)
    .finally(() => underWay.delete(promise))
  underWay.add(promise)
  return promise
}

export type Ask = typeof ask

Object.assign(globalThis, { ask, underWay })
