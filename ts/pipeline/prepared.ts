// A linear layer that a caller holds: packed once, run on the caller's own arrays or in the device's memory.

import type { Device, Session, SessionMemory } from '../../kernels/program/device.ts'
import type { HeldAsync } from '../../kernels/program/disposable.ts'
import { quantizeRow } from '../../kernels/program/quantization.ts'
import { checkArray, checkLinearWeight, isInt8, type LinearWeight } from '../../kernels/program/weights.ts'
import { checkLinearOptions } from '../../kernels/program/check-options.ts'
import { checkCall, type LinearOptions, type QuantizedInput } from './check-calls.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'

export interface PrepareOptions extends LinearOptions {
  /** what `run` takes: 'f32' rows (default), or for an int8 weight 's8' rows with their scales */
  input?: 'f32' | 's8'
}

/** f32 [M, K] and f32 [M, N] in the memory of WebAssembly, without copies. */
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
   * As `run`, with the result as s8 rows by the rule of every int8 layer here, for the next one.
   * @param options `out`: s8 [M, N] and f32 [M] that get it
   */
  runToInt8(input: Float32Array | QuantizedInput, options?: { out?: QuantizedInput }): Promise<QuantizedInput>
  /**
   * Rows in the memory of WebAssembly, to be filled and read in place.
   * @throws on a GPU, and where the layer takes s8 rows
   */
  memory(rows: number): Promise<LinearMemory>
  /** Packs changed numbers of the same kind and sizes; runs that were begun before have the old ones. */
  update(weight: LinearWeight, options?: Pick<LinearOptions, 'bias'>): Promise<void>
}

const OPTIONS: readonly string[] = ['bias', 'activation', 'input'] satisfies (keyof PrepareOptions)[]

/** @throws TypeError or RangeError where the weight or an option is not valid */
export async function prepareLinear(
  device: Device,
  weight: LinearWeight,
  options: PrepareOptions = {},
): Promise<PreparedLinear> {
  const name = 'prepare'
  const { activation = 'none', input: dtype = 'f32' } = options
  checkLinearWeight(weight, name)
  checkLinearOptions(name, options, OPTIONS, weight.N)
  if (dtype !== 'f32' && dtype !== 's8')
    throw new TypeError(`${name}: input is '${String(dtype)}', expected 'f32' or 's8'`)
  if (dtype === 's8' && !isInt8(weight))
    throw new TypeError(`${name}: s8 rows need an int8 weight, this one is '${weight.kind}'`)
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
      const { data, scales } = out ?? { data: new Int8Array(M * N), scales: new Float32Array(M) }
      checkArray(data, Int8Array, `${name}.runToInt8: the data of out`)
      checkArray(scales, Float32Array, `${name}.runToInt8: the scales of out`)
      if (data.length !== M * N || scales.length !== M)
        throw new RangeError(
          `${name}.runToInt8: out has ${data.length} elements and ${scales.length} scales, expected ${M * N} and ${M}`,
        )
      const result = await run(input)
      for (let row = 0; row < M; row++)
        scales[row] = quantizeRow(result.subarray(row * N, (row + 1) * N), data.subarray(row * N, (row + 1) * N))
      return { data, scales }
    },
    async memory(rows) {
      const found = held()
      if (!found.memory)
        throw new TypeError(
          `${name}.memory: this device has no memory to share; it is there on WebAssembly, see createGpuLinear`,
        )
      return found.memory(rows)
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
