// `bench break-even`: from what share of zeros, or what rank, a compressed layer is faster than the dense one, by number of
// tokens. The times come from the measurement that `compress --budget` decides by.

import type { LinearWeight } from '../kernels/runtime/weights.ts'
import { seededRandom } from '../kernels/testing/random.ts'
import { randomWeight } from '../kernels/testing/weights.ts'
import { createLinearTimes } from '../ts/study/linear-times.ts'
import { breakEven, type BreakEvenResult, type FormTimes } from './lib/break-even.ts'
import { createDevice } from './lib/devices.ts'
import { describeEngine, describeMachine } from './lib/machine.ts'
import { formatTable, percent } from './lib/results.ts'

export interface BreakEvenOptions {
  /** [N, K] of the layers */
  shapes: [N: number, K: number][]
  tokens: number[]
  threads: number
  /** for each form of each shape */
  secondsEach: number
  command: string
  log: (line: string) => void
}

interface Form {
  name: string
  /** share of the dense layer's multiply-adds that are left out */
  saved: number
  weight: () => LinearWeight
}

const SEED = 7
const SAVED = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
/** n of m stored; the others' zeros lie between */
const NM: [n: number, m: number][] = [
  [2, 4],
  [1, 4],
  [1, 8],
]
/** Layers in one run, as many as keep the weights of the dense f32 form out of the private caches, as in a model. */
const COPIES = 8

function* formsOf(N: number, K: number, random: () => number): Generator<Form> {
  const dense = (kind: 'f32' | 'int8'): Form => ({
    name: kind,
    saved: 0,
    weight: () => randomWeight(kind, N, K, random),
  })
  yield dense('f32')
  yield dense('int8')
  for (const kind of ['csr', 'int8-1x4'] as const)
    for (const saved of SAVED)
      yield { name: kind, saved, weight: () => randomWeight(kind, N, K, random, { density: 1 - saved }) }
  for (const [n, m] of NM)
    yield { name: 'nm', saved: 1 - n / m, weight: () => randomWeight('nm', N, K, random, { n, m }) }
  for (const saved of SAVED) {
    const R = Math.round(((1 - saved) * N * K) / (N + K))
    const factors = (): LinearWeight => ({
      kind: 'chain',
      N,
      K,
      factors: [randomWeight('f32', R, K, random), randomWeight('f32', N, R, random)],
    })
    yield { name: 'low-rank', saved: 1 - (R * (N + K)) / (N * K), weight: factors }
  }
}

export async function benchBreakEven(options: BreakEvenOptions): Promise<BreakEvenResult> {
  const { shapes, tokens, threads, secondsEach, log } = options
  const result: BreakEvenResult = {
    schema: 'compact-kernels/break-even/1',
    command: options.command,
    date: new Date().toISOString(),
    machine: describeMachine(),
    engine: describeEngine(),
    threads,
    variants: {},
    layers: [],
  }
  const device = await createDevice('cpu', threads)
  try {
    result.variants = device.info().variants
    for (const [N, K] of shapes)
      for (const M of tokens) {
        const forms = [...formsOf(N, K, seededRandom(SEED))].map((form, i) => ({ ...form, method: String(i) }))
        const times = createLinearTimes(device, { tokens: M, weights: COPIES * N * K, secondsEach })
        const measured = await times.measure({ N, K, M }, forms)
        const layer = {
          ...{ M, N, K },
          forms: forms.map(({ name, saved, method }): FormTimes => ({ name, saved, ms: measured.get(method)! })),
        }
        result.layers.push(layer)
        log(`\n${M} tokens, [${N}, ${K}]\n${breakEvenTable(layer.forms)}`)
      }
  } finally {
    await device.dispose()
  }
  return result
}

function breakEvenTable(forms: FormTimes[]): string {
  const msOf = (name: string): number => forms.find((form) => form.name === name)!.ms
  const rows = forms.map(({ name, saved, ms }) => [
    name,
    percent(saved),
    ms.toFixed(4),
    (msOf('f32') / ms).toFixed(2),
    (msOf('int8') / ms).toFixed(2),
  ])
  const names = [...new Set(forms.filter(({ saved }) => saved > 0).map(({ name }) => name))]
  const from = names.map((name) => {
    const [f32, int8] = (['f32', 'int8'] as const).map((rival) => percent(breakEven(forms, name, rival) ?? undefined))
    return `${name}: faster than f32 from ${f32 || 'nothing measured'}, than int8 from ${int8 || 'nothing measured'}`
  })
  return `${formatTable(['form', 'saved', 'ms', 'times f32', 'times int8'], rows)}\n${from.join('\n')}`
}
