// A linear layer that a caller holds: packed once, run on the caller's own arrays or in the device's memory.

import type { Device, Session, SessionMemory } from '../../kernels/program/device.ts'
import type { HeldAsync } from '../../kernels/program/disposable.ts'
import {
  checkActivationScale,
  checkArray,
  checkLinearWeight,
  isInt8,
  type LinearWeight,
} from '../../kernels/program/weights.ts'
import { checkLinearOptions } from '../../kernels/program/check-options.ts'
import { checkCall, type LinearOptions, type QuantizedInput } from './check-calls.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'

export interface PrepareOptions extends LinearOptions {
  /** what `run` takes: 'f32' rows (default), or for an int8 weight 's8' rows with their scales */
  input?: 'f32' | 's8'
  /**
   * the scale of all rows that `runToInt8` gives, known beforehand: f32, from 2^-100 to 2^100; what lies beyond 127 times the
   * scale is clipped. Each row has its own, its largest magnitude / 127, where there is none
   */
  outputScale?: number
}

/** Rows in the memory of WebAssembly, without copies: f32 or s8 [M, K], f32 and s8 [M, N]. */
export type LinearMemory = SessionMemory

export interface PreparedLinear extends HeldAsync {
  readonly N: number
  readonly K: number
  /**
   * y = activation(x W^T + bias).
   * @param input f32 [M, K], or s8 [M, K] with scales as `prepare` was told; it is read when the call's turn comes, so it must
   *   not change before the result is there
   * @param options `out`: f32 [M, N] that gets the result
   * @returns `out`, or a new array
   */
  run(input: Float32Array | QuantizedInput, options?: { out?: Float32Array }): Promise<Float32Array>
  /**
   * As `run`, with the result as s8 rows, rounded by the device by the rule of every int8 layer here, for the next one. A row
   * that is not finite has the scale NaN.
   * @param options `out`: s8 [M, N] and f32 [M] that get it
   */
  runToInt8(input: Float32Array | QuantizedInput, options?: { out?: QuantizedInput }): Promise<QuantizedInput>
  /**
   * Rows in the memory of WebAssembly, to be filled and read in place.
   * @throws on a GPU
   */
  memory(rows: number): Promise<LinearMemory>
  /** Packs changed numbers of the same kind and sizes; runs that were begun before have the old ones. */
  update(weight: LinearWeight, options?: Pick<LinearOptions, 'bias'>): Promise<void>
}

const OPTIONS: readonly string[] = ['bias', 'activation', 'input', 'outputScale'] satisfies (keyof PrepareOptions)[]

/** @throws TypeError or RangeError where the weight or an option is not valid */
export async function prepareLinear(
  device: Device,
  weight: LinearWeight,
  options: PrepareOptions = {},
): Promise<PreparedLinear> {
  const name = 'prepare'
  const { activation = 'none', input: dtype = 'f32', outputScale } = options
  checkLinearWeight(weight, name)
  checkLinearOptions(name, options, OPTIONS, weight.N)
  if (dtype !== 'f32' && dtype !== 's8')
    throw new TypeError(`${name}: input is '${String(dtype)}', expected 'f32' or 's8'`)
  if (dtype === 's8' && !isInt8(weight))
    throw new TypeError(`${name}: s8 rows need an int8 weight, this one is '${weight.kind}'`)
  checkActivationScale(`${name}: outputScale`, outputScale)
  const { N, K, kind } = weight
  // what a call is checked by, without the numbers
  const shape = {
    kind,
    N,
    K,
    ...('factors' in weight ? { factors: [{ kind: weight.factors[0].kind }] } : {}),
  } as LinearWeight
  const load = (given: LinearWeight, bias: Float32Array | undefined): Promise<Session> =>
    device.load(linearProgram(given, bias ?? null, activation, dtype))
  let { bias } = options
  let session = await load(weight, bias)
  let isDisposed = false
  const held = (): Session => {
    if (isDisposed) throw new Error(`${name}: this layer was disposed of`)
    return session
  }
  const rowsOf = (input: Float32Array | QuantizedInput): number => {
    const M = checkCall(`${name}.run`, [kind], input, shape, {})
    if ('data' in input !== (dtype === 's8'))
      throw new TypeError(`${name}.run: the layer takes ${dtype} rows, as prepare's option input says`)
    return M
  }
  const run: PreparedLinear['run'] = async (input, { out } = {}) => {
    const M = rowsOf(input)
    if (out !== undefined) {
      checkArray(out, Float32Array, `${name}.run: out`)
      if (out.length !== M * N)
        throw new RangeError(`${name}.run: out has ${out.length} elements, expected M * N = ${M * N}`)
    }
    if (M === 0) return out ?? new Float32Array(0)
    const result = await held().run({ offsets: Int32Array.of(0, M), rows: input })
    if (!out) return result
    out.set(result)
    return out
  }
  const dispose = async (): Promise<void> => {
    if (isDisposed) return
    isDisposed = true
    session.dispose()
  }
  return {
    N,
    K,
    run,
    async runToInt8(input, { out } = {}) {
      const M = rowsOf(input)
      if (out !== undefined) {
        checkArray(out.data, Int8Array, `${name}.runToInt8: the data of out`)
        checkArray(out.scales, Float32Array, `${name}.runToInt8: the scales of out`)
        const [elements, rows] = [out.data.length, out.scales.length]
        if (elements !== M * N || rows !== M)
          throw new RangeError(
            `${name}.runToInt8: out has ${elements} elements and ${rows} scales, expected ${M * N} and ${M}`,
          )
      }
      if (M === 0) return out ?? { data: new Int8Array(0), scales: new Float32Array(0) }
      const result = await held().runToInt8({ offsets: Int32Array.of(0, M), rows: input }, outputScale)
      if (!out) return result
      out.data.set(result.data)
      out.scales.set(result.scales)
      return out
    },
    async memory(rows) {
      const found = held()
      if (!found.memory)
        throw new TypeError(
          `${name}.memory: this device has no memory to share; it is there on WebAssembly, see createGpuLinear`,
        )
      const memory = await found.memory(rows)
      return outputScale === undefined ? memory : withScale(memory, outputScale)
    },
    async update(changed, given = {}) {
      checkLinearWeight(changed, `${name}.update`)
      checkLinearOptions(`${name}.update`, given, ['bias'], N)
      if (changed.kind !== kind || changed.N !== N || changed.K !== K)
        throw new RangeError(
          `${name}.update: the weight is ${changed.kind} [${changed.N}, ${changed.K}], expected ${kind} [${N}, ${K}] as before`,
        )
      held()
      bias = given.bias ?? bias
      const old = session
      session = await load(changed, bias)
      old.dispose()
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

/** The memory with what `runToInt8` takes where it is given nothing. */
const withScale = (memory: SessionMemory, outputScale: number): SessionMemory => ({
  get input() {
    return memory.input
  },
  get inputInt8() {
    return memory.inputInt8
  },
  get output() {
    return memory.output
  },
  get outputInt8() {
    return memory.outputInt8
  },
  run: () => memory.run(),
  runToInt8: (activationScale = outputScale) => memory.runToInt8(activationScale),
})
