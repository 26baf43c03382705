// The int8 matrix kernel in the shapes of other adapters, its matrices emulated: that kernel alone, since compiling the others
// for the software adapter takes longer than all of this.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Batch, Program } from '../program/program.ts'
import { runReference } from '../reference.ts'
import { assertExact } from '../testing/compare.ts'
import { emulatedMatrixShader } from '../testing/emulated-matrices.ts'
import { bytes, seededRandom } from '../testing/random.ts'
import { linearProgram } from '../testing/sweep.ts'
import { randomWeight } from '../testing/weights.ts'
import { compileProgram } from '../webgpu/compile.ts'
import { createContext, type GpuContext } from '../webgpu/context.ts'
import { requestGpuDevice } from '../webgpu/device.ts'
import { MATRIX_SHAPES } from '../webgpu/matrix-shape.ts'
import { ProgramSession } from '../webgpu/session.ts'
import { Uploader } from '../webgpu/upload.ts'

let device: GPUDevice
beforeAll(async () => {
  device = await requestGpuDevice()
})
afterAll(() => device.destroy())

/** What the kernel gives with its inputs whole or in quarters, and the ids of all variants that the layer is offered. */
async function outputs(context: GpuContext, program: Program, batch: Batch): Promise<[string, Float32Array][]> {
  const uploader = new Uploader(device, context.maxBindingBytes)
  const compiled = await compileProgram(program, uploader, context)
  const [{ variants }] = compiled.calls
  const found: [string, Float32Array][] = []
  for (const variant of variants.filter(({ row }) => row.shader === 'int8-matmul.matrix')) {
    const call = { ...compiled.calls[0], variants: [{ ...variant, minRows: undefined, maxRows: undefined }] }
    const own = new Uploader(device, context.maxBindingBytes)
    const session = await ProgramSession.create(context, { ...compiled, calls: [call] }, own, { guard: true })
    found.push([variant.row.id, await session.run(batch)])
    expect(await session.checkGuards()).toEqual([])
    session.dispose()
  }
  expect(variants.some(({ row }) => row.id === 'whole-row-matrix')).toBe(false)
  uploader.dispose()
  return found
}

describe.each(MATRIX_SHAPES)('int8-matmul.matrix of $rows x $columns x $inputs', (shape) => {
  const contextOf = (code: string): Promise<GpuContext> =>
    createContext({ device, kernels: 'tiled', emulatesMatrices: shape, sources: { 'int8-matmul.matrix': code } })

  const programOf = (M: number, N: number, K: number): { program: Program; batch: Batch } => {
    const random = seededRandom(M + N + K)
    const weight = randomWeight('int8', N, K, random, { values: 'integers' })
    const rows = { data: bytes(M * K, random), scales: new Float32Array(M).fill(1) }
    const program = linearProgram(weight, null, { M, N, K, input: 's8' })
    return { program, batch: { offsets: Int32Array.of(0, M), rows } }
  }

  it('gives the exact integers', async () => {
    const context = await contextOf(emulatedMatrixShader(shape))
    // rows at the edges of matrices, subgroups and workgroups; columns at those of panels; inputs for 1 to 4 steps
    for (const [M, N, K] of [
      ...[1, 7, 9, 17, 33, 129, 257].map((M) => [M, 9, 32] as const),
      ...[17, 64, 70].map((N) => [37, N, 96] as const),
      [140, 130, 113],
    ] as const) {
      const { program, batch } = programOf(M, N, K)
      const found = await outputs(context, program, batch)
      expect(found.map(([id]) => id)).toEqual(['matrix/4', 'matrix/1'])
      for (const [id, actual] of found) assertExact(actual, runReference(program, batch), `${id} ${M} ${N} ${K}`)
    }
  })
  it('is not exact with a matrix of sums at a wrong place', async () => {
    const code = emulatedMatrixShader(shape)
    const wrong = code.replace('c*COLUMNS, ', 'c*COLUMNS/2u, ')
    expect(wrong).not.toBe(code)
    const { program, batch } = programOf(33, 64, 64)
    for (const [id, actual] of await outputs(await contextOf(wrong), program, batch))
      expect(() => assertExact(actual, runReference(program, batch), id)).toThrow('are off')
  })
})
