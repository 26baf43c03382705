// Messages into threads: what answers what, what has the same subject, what has the same beginning. A split keeps a thread
// whole, so that no answer quotes its question, and no circular its twin, in the other part.

import { createRandom } from '../../../kernels/program/random.ts'
import type { Message } from './message.ts'

/** Letters of a body that make it the same as another: circulars differ in names, numbers and endings. */
const SAME_LETTERS = 200
const FEWEST_LETTERS = 40

/** A subject without `Re:`, `Fwd:` and `[list]`, in lower case; '' where it says too little to tell threads apart. */
export function threadSubject(subject: string): string {
  let text = subject.toLowerCase().replace(/\s+/g, ' ').trim()
  for (let before = ''; before !== text;) {
    before = text
    text = text.replace(/^(re|fwd?|aw|sv|antwort)(\[\d+\]|\^\d+)?\s*:\s*/, '').replace(/^\[[^\]]*\]\s*/, '')
  }
  return text.replace(/\s*\(fwd\)$/, '').trim()
}

/** The first letters of a body, quotations left out; '' where they are too few. */
function beginning(body: string): string {
  const own = body.replace(/^[>|].*$/gm, '').toLowerCase()
  const letters = own.match(/\p{L}/gu)?.slice(0, SAME_LETTERS).join('') ?? ''
  return letters.length < FEWEST_LETTERS ? '' : letters
}

/** The number of each message's thread, from 0 in the order of their first messages. */
export function findThreads(messages: readonly Message[]): number[] {
  const parent = messages.map((_, i) => i)
  const rootOf = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]]
    return i
  }
  const firstOf = new Map<string, number>()
  messages.forEach(({ subject, body, id, answers }, i) => {
    const about = threadSubject(subject)
    const start = beginning(body)
    const keys = [
      ...(id ? [id] : []),
      ...answers,
      ...(about ? [`subject ${about}`] : []),
      ...(start ? [`body ${start}`] : []),
    ]
    for (const key of keys) {
      const first = firstOf.get(key)
      if (first === undefined) firstOf.set(key, i)
      else parent[rootOf(i)] = rootOf(first)
    }
  })
  const numbers = new Map<number, number>()
  return messages.map((_, i) => {
    const root = rootOf(i)
    if (!numbers.has(root)) numbers.set(root, numbers.size)
    return numbers.get(root)!
  })
}

/**
 * Which messages go to a part that shall hold a share of each class, whole threads alone.
 * @param threads of each message; `labels` its class
 * @param share of each class, about: a thread that would exceed it stays out
 * @returns true for a message of the part
 */
export function partOfThreads(
  threads: readonly number[],
  labels: readonly number[],
  { share, seed, stream }: { share: number; seed: number; stream: string },
): boolean[] {
  const members = new Map<number, number[]>()
  threads.forEach((thread, i) => members.set(thread, [...(members.get(thread) ?? []), i]))
  const room = new Map<number, number>()
  for (const label of labels) room.set(label, (room.get(label) ?? 0) + share)
  const taken = threads.map(() => false)
  for (const thread of createRandom(seed, stream).shuffle([...members.keys()])) {
    const own = members.get(thread)!
    const needs = new Map<number, number>()
    for (const i of own) needs.set(labels[i], (needs.get(labels[i]) ?? 0) + 1)
    if ([...needs].some(([label, count]) => count > Math.ceil(room.get(label)!))) continue
    for (const [label, count] of needs) room.set(label, room.get(label)! - count)
    for (const i of own) taken[i] = true
  }
  return taken
}
