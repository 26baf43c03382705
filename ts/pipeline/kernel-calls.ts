// One kernel on plain typed arrays: a program of a single linear layer (or one per factor), kept on the device for the
// next call with the same weight.

import type { Device, Session } from '../../kernels/program/device.ts'
import type { HeldAsync } from '../../kernels/program/disposable.ts'
import type { BufferSpec } from '../../kernels/program/program.ts'
import { checkCall, type LinearOptions, type QuantizedInput } from './check-calls.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'
import { sameNumbers, sampleNumbers } from './changed-numbers.ts'
import type { PreparedLinear, PrepareOptions } from './prepared.ts'
import {
  checkLinearWeight,
  type ChainWeight,
  type CsrWeight,
  type DenseWeight,
  type Int8BlockWeight,
  type Int8Weight,
  type LinearWeight,
  type NmWeight,
} from '../../kernels/program/weights.ts'

export type { LinearOptions, QuantizedInput } from './check-calls.ts'
export type { LinearMemory, PreparedLinear, PrepareOptions } from './prepared.ts'

/**
 * Calls on plain typed arrays. A weight and its bias are packed when they are first used and kept by identity, so their arrays
 * must not change after that: a change that is noticed (64 values of each array are compared) is an error. `prepare` is for
 * weights that change, and for callers who hold on to a layer.
 */
export interface KernelCalls extends HeldAsync {
  /**
   * f32 linear layer: y = activation(x W^T + bias).
   * @param input f32 [M, K], row-major
   * @returns f32 [M, N]
   * @throws TypeError where an argument is of another kind, RangeError where a size or a number is not right
   */
  denseMatmul(input: Float32Array, weight: DenseWeight, options?: LinearOptions): Promise<Float32Array>
  /**
   * int8 linear layer: rows of `input` are quantized first (symmetric, one scale each) unless they come quantized; products
   * are summed exactly in i32; scales, bias and activation are f32.
   * @param input f32 [M, K], or s8 [M, K] with scales
   * @param weight s8 [N, K] with a scale per output: see `quantizeWeight`
   * @returns f32 [M, N]
   */
  int8Matmul(input: Float32Array | QuantizedInput, weight: Int8Weight, options?: LinearOptions): Promise<Float32Array>
  /**
   * Sparse linear layer: unstructured f32 (csr), n:m f32 (nm), or int8 in 1x4 blocks (int8-1x4).
   * @param input f32 [M, K]; for int8-1x4 also s8 [M, K] with scales
   * @returns f32 [M, N]
   */
  sparseMatmul(
    input: Float32Array | QuantizedInput,
    weight: CsrWeight | NmWeight | Int8BlockWeight,
    options?: LinearOptions,
  ): Promise<Float32Array>
  /**
   * Low-rank linear layer: y = activation(((x F0^T) F1^T …) + bias) with two or three factors in any leaf storage format.
   * @param input f32 [M, K]
   * @returns f32 [M, N]
   */
  lowRankLinear(input: Float32Array, weight: ChainWeight, options?: LinearOptions): Promise<Float32Array>
  /**
   * A layer that is packed now and held until it is disposed of.
   * @example
   * using layer = await prepare(weight, { bias, activation: 'gelu' })
   * await layer.run(x, { out })
   */
  prepare(weight: LinearWeight, options?: PrepareOptions): Promise<PreparedLinear>
  /** The device that the calls run on; made by the first call. */
  device(): Promise<Device>
  /** Frees every weight that was kept, and the device. The next call starts anew. */
  dispose(): Promise<void>
}

/** Weights kept ready; of those that no call waits for, the one that was not used for longest goes first. */
const MAX_SESSIONS = 64

interface Kept {
  weight: LinearWeight
  bias: Float32Array | undefined
  key: string
  session: Promise<Session>
  /** some of the numbers that were packed */
  samples: Float64Array
  /** calls that wait for it */
  users: number
}

/** Kernel calls on a device that `open` makes at the first one. */
export function createKernelCalls(open: () => Promise<Device>): KernelCalls {
  if (typeof open !== 'function')
    throw new TypeError(`createKernelCalls: ${typeof open} was given, expected a function that opens a device`)
  let opened: Promise<Device> | undefined
  let kept: Kept[] = []
  const device = (): Promise<Device> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }

  const entryOf = (
    name: string,
    weight: LinearWeight,
    { bias, activation = 'none' }: LinearOptions,
    dtype: BufferSpec['dtype'],
  ): Kept => {
    const key = `${activation} ${dtype}`
    const i = kept.findIndex((entry) => entry.weight === weight && entry.bias === bias && entry.key === key)
    let entry = i >= 0 ? kept.splice(i, 1)[0] : undefined
    if (!entry) {
      // once per weight: it walks every element
      checkLinearWeight(weight, name)
      const program = linearProgram(weight, bias ?? null, activation, dtype)
      const session = device().then((found) => found.load(program))
      const made: Kept = { weight, bias, key, session, samples: sampleNumbers(weight, bias), users: 0 }
      // the next call tries again
      session.catch(() => (kept = kept.filter((other) => other !== made)))
      entry = made
    } else if (!sameNumbers(entry.samples, sampleNumbers(weight, bias))) {
      kept.push(entry)
      throw new Error(
        `${name}: the arrays of this weight or bias have changed since the call that packed them; give new objects, or prepare(weight) and its update(weight)`,
      )
    }
    kept.push(entry)
    return entry
  }

  /** Frees what is too much and idle. */
  const trim = (): void => {
    for (const entry of kept.filter(({ users }) => users === 0).slice(0, Math.max(0, kept.length - MAX_SESSIONS))) {
      kept.splice(kept.indexOf(entry), 1)
      void entry.session.then((old) => old.dispose()).catch(() => {})
    }
  }

  const run = async (
    name: string,
    kinds: LinearWeight['kind'][],
    input: Float32Array | QuantizedInput,
    weight: LinearWeight,
    options: LinearOptions = {},
  ): Promise<Float32Array> => {
    const M = checkCall(name, kinds, input, weight, options)
    if (M === 0) return new Float32Array(0)
    const entry = entryOf(name, weight, options, 'data' in input ? 's8' : 'f32')
    // what the caller writes into its arrays while the call waits for its turn is not this call's
    const rows = copyOf(input)
    entry.users++
    try {
      const session = await entry.session
      return await session.run({ offsets: Int32Array.of(0, M), rows })
    } finally {
      entry.users--
      trim()
    }
  }

  const dispose = async (): Promise<void> => {
    const sessions = kept
    const closing = opened
    kept = []
    opened = undefined
    for (const { session } of sessions) await session.then((found) => found.dispose()).catch(() => {})
    await (await closing?.catch(() => undefined))?.dispose()
  }

  return {
    denseMatmul: (input, weight, options) => run('denseMatmul', ['f32'], input, weight, options),
    int8Matmul: (input, weight, options) => run('int8Matmul', ['int8'], input, weight, options),
    sparseMatmul: (input, weight, options) => run('sparseMatmul', ['csr', 'nm', 'int8-1x4'], input, weight, options),
    lowRankLinear: (input, weight, options) => run('lowRankLinear', ['chain'], input, weight, options),
    prepare: async (weight, options) => (await import('./prepared.ts')).prepareLinear(await device(), weight, options),
    device,
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

const copyOf = (input: Float32Array | QuantizedInput): Float32Array | QuantizedInput =>
  'data' in input ? { data: input.data.slice(), scales: input.scales.slice() } : input.slice()
