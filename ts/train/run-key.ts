// What a run must be made of to go on with a saved state.

import type { ModelWeights } from '../model/weights.ts'
import { fingerprint } from './fingerprint.ts'
import type { Settings, TrainExample } from './options.ts'

/** Settings that say how a run is watched, not what it computes. */
const WATCHING: ReadonlySet<string> = new Set([
  'threads',
  'maxSeconds',
  'signal',
  'progress',
  'checkpoint',
  'resume',
] satisfies (keyof Settings)[])

/** What decides the outcome of a run. */
export function runKey(model: ModelWeights, examples: TrainExample[], settings: Settings): Record<string, string> {
  const key: Record<string, string> = { model: fingerprint(model), examples: fingerprint(examples) }
  for (const [name, value] of Object.entries(settings))
    if (!WATCHING.has(name)) key[name] = typeof value === 'object' ? fingerprint(value) : String(value)
  return key
}

/** @throws where a checkpoint is of a run made of something else; the sentence names what differs */
export function checkResumed(found: Record<string, string>, expected: Record<string, string>): void {
  const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])]
  const differing = names.filter((name) => found[name] !== expected[name])
  if (differing.length === 0) return
  const words = differing.map((name) => {
    const [was, now] = [found[name] ?? 'none', expected[name] ?? 'none']
    return [was, now].some((part) => /^[0-9a-f]{16}$/.test(part)) ? `other ${name}` : `${name} was ${was}, now ${now}`
  })
  throw new Error(
    `train: the checkpoint is of another run: ${words.join('; ')}. Give the same model, data and options, or start anew`,
  )
}
