// Requests and replies for contenders that are not processes of Node.

import type { Reply, Request } from './answer.ts'

/** Requests and replies as JSON has them: typed arrays as lists of numbers. */
export const toJson = (message: Request | Reply): string =>
  JSON.stringify(message, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? Array.from(value as Int32Array | Float32Array) : value,
  )

/** A request whose ids came as a list of numbers. */
export function requestOf(text: string): Request {
  const request = JSON.parse(text) as Request
  if ('input' in request && request.input && 'ids' in request.input)
    request.input.ids = Int32Array.from(request.input.ids)
  return request
}

/** A reply whose output came as a list of numbers. */
export function replyOf(text: string): Reply {
  const reply = JSON.parse(text) as Reply
  if ('output' in reply) reply.output = Float32Array.from(reply.output)
  return reply
}
