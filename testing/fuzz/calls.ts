// Kernel calls with right and wrong arguments: the same answer on every device, within the bound of the float64 reference;
// or the same refusal. Buffers of right calls have guard bands.

import fc from 'fast-check'
import { referenceWithBounds } from '../../kernels/reference.ts'
import { createRandom } from '../../kernels/program/random.ts'
import type { Device } from '../../kernels/program/device.ts'
import type { Activation } from '../../kernels/program/program.ts'
import type { LeafWeight } from '../../kernels/program/weights.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { K_MULTIPLE, randomWeight } from '../../kernels/testing/weights.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { createKernelCalls, type KernelCalls } from '../../ts/pipeline/kernel-calls.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'
import { Fault, runCases, type FuzzReport } from './report.ts'

const KINDS = ['f32', 'int8', 'csr', 'int8-1x4', 'nm'] as const
const ACTIVATIONS: Activation[] = ['none', 'gelu', 'tanh', 'relu', 'gelu_tanh', 'silu']
const CALLS = { f32: 'denseMatmul', int8: 'int8Matmul', csr: 'sparseMatmul', 'int8-1x4': 'sparseMatmul', nm: 'sparseMatmul' } as const // prettier-ignore

/** What takes the place of an argument, or of a part of one. */
const wrongValue = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, -1, 1.5, NaN, Infinity, 2 ** 31, 2 ** 53, '4', 'x', true, {}, [], [1, 2]),
  fc.constantFrom<unknown>(new Float64Array(8), new Int8Array(8).fill(-128), new Float32Array(3), new Uint32Array(2)),
)

interface Call {
  kind: (typeof KINDS)[number]
  M: number
  N: number
  K: number
  activation: Activation
  hasBias: boolean
  /** name of a part of the weight, 'input', 'bias' or 'activation', and what is put there */
  wrong: { part: number; value: unknown } | null
}

const call: fc.Arbitrary<Call> = fc.record({
  kind: fc.constantFrom(...KINDS),
  M: fc.integer({ min: 0, max: 19 }),
  N: fc.integer({ min: 1, max: 40 }),
  K: fc.integer({ min: 1, max: 70 }),
  activation: fc.constantFrom(...ACTIVATIONS),
  hasBias: fc.boolean(),
  wrong: fc.option(fc.record({ part: fc.nat(12), value: wrongValue })),
})

export async function fuzzCalls(
  cases: number,
  seed: number,
  progress?: (done: number) => void,
  more: Device[] = [],
): Promise<FuzzReport> {
  const devices = [
    await createWasmDevice({ threads: 1, build: 'baseline', shared: false }),
    await createWasmDevice({ threads: 2, build: 'relaxed', shareFrom: 0 }),
  ]
  const all = [...devices, ...more]
  const calls = all.map((device) => createKernelCalls(() => Promise.resolve(device)))
  try {
    const drawn = fc.sample(call, { numRuns: cases, seed })
    return await runCases(cases, seed, (index) => runCall(drawn[index], all, calls, seed + index), progress)
  } finally {
    for (const device of devices) await device.dispose()
  }
}

async function runCall(
  given: Call,
  devices: Device[],
  calls: KernelCalls[],
  seed: number,
): Promise<'taken' | 'refused'> {
  const { kind, M, N, activation, hasBias, wrong } = given
  const K = Math.ceil(given.K / K_MULTIPLE[kind]) * K_MULTIPLE[kind]
  const weight = randomWeight(kind, N, K, seededRandom(seed))
  const args = {
    ...weight,
    input: uniform(M * K, seededRandom(seed + 1)),
    bias: hasBias ? uniform(N, seededRandom(seed + 2)) : undefined,
    activation,
  }
  if (wrong) {
    const names = Object.keys(args)
    Object.assign(args, { [names[wrong.part % names.length]]: wrong.value })
  }
  const { input, bias, activation: chosen, ...changed } = args
  const answers = await Promise.all(
    calls.map((made) =>
      (made[CALLS[kind]] as (...given: unknown[]) => Promise<Float32Array>)(input, changed, {
        bias,
        activation: chosen,
      })
        .then((y) => ({ y, words: '' }))
        .catch((error: unknown) => {
          if (!(error instanceof TypeError || error instanceof RangeError))
            throw new Fault(`${JSON.stringify(given)}: ${String(error)}`)
          return { y: null, words: error.message }
        }),
    ),
  )
  const [first] = answers
  if (answers.some(({ words }) => words !== first.words))
    throw new Fault(`${JSON.stringify(given)}: ${answers.map(({ words }) => words || 'taken').join(' | ')}`)
  if (!first.y) throw new TypeError(first.words)
  const right = changed as LeafWeight
  const rows = input as Float32Array
  const M0 = rows.length / right.K
  if (M0 === 0) return 'taken'
  const program = linearProgram(right, bias ?? null, chosen ?? 'none')
  const batch = { offsets: Int32Array.of(0, M0), rows }
  const { values, bounds } = referenceWithBounds(program, batch)
  for (const [at, { y }] of answers.entries())
    assertRight(() => assertWithin(y!, values, bounds, `${devices[at].info().name} ${JSON.stringify(given)}`))
  const at = createRandom(seed).int(devices.length)
  const session = await devices[at].load(program, { guard: true })
  try {
    await session.run(batch)
    const damage = await session.checkGuards()
    if (damage.length > 0) throw new Fault(`${JSON.stringify(given)}: ${damage.join('; ')}`)
  } finally {
    session.dispose()
  }
  return 'taken'
}

function assertRight(check: () => void): void {
  try {
    check()
  } catch (error) {
    throw new Fault((error as Error).message)
  }
}
