// The whole path on both machines: every weight form, a real model, and the kernel calls.

import { access, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { randomWeight } from '../../kernels/testing/weights.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { quantizeLinears } from '../compress/quantize.ts'
import { quantizeWeight } from '../compress/quantize-weight.ts'
import { buildProgram } from '../model/bert.ts'
import { loadModel } from '../model/load.ts'
import { FORMATS, SMALL, syntheticModel } from '../../testing/models.ts'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'
import * as wasm from '../wasm.ts'
import * as webgpu from '../webgpu.ts'
import { openDevice } from '../inference/devices.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'
import { pipeline } from './pipeline.ts'

const BATCH: Batch = {
  offsets: Int32Array.of(0, 5, 6, 13),
  ids: Int32Array.from({ length: 13 }, (_, i) => (i * 11 + 3) % SMALL.vocabSize),
  types: Int32Array.from({ length: 13 }, (_, i) => Number(i > 9)),
}
const REAL = fileURLToPath(new URL('../../../shared/data/bert-tiny-sst2-encoder', import.meta.url))
const hasReal = await access(REAL).then(
  () => true,
  () => false,
)
if (!hasReal) console.warn(`\n*** ${REAL} is not there: the real BERT-tiny is NOT checked in this run ***\n`)

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Number.isNaN(a[i]) ? Infinity : Math.abs(a[i] - b[i]))
  return most
}

for (const kind of ['cpu', 'gpu'] as const)
  describe(`on the ${kind}`, async () => {
    const { device } = await openDevice({ device: kind, threads: 2 })
    afterAll(() => device.dispose())

    it.each(FORMATS)('BERT agrees with the reference: %s', async (form) => {
      for (const tables of ['f32', 'int8'] as const)
        for (const output of ['logits', 'hidden', 'embeddings'] as const) {
          const program = buildProgram(syntheticModel(form, 4, { tables }), output)
          const session = await device.load(program)
          expect([output, largest(await session.run(BATCH), runReference(program, BATCH)) < 1e-4]).toEqual([
            output,
            true,
          ])
          session.dispose()
        }
    })

    it('gives the layers and logits of the real BERT-tiny, and their signs in int8', async () => {
      const run = async (
        model: Parameters<typeof buildProgram>[0],
        output: 'hidden' | 'pooled' | 'logits',
        batch: Batch,
      ) => {
        const session = await device.load(buildProgram(model, output, { input: 'hidden' }))
        const result = await session.run(batch)
        session.dispose()
        return result
      }
      if (!hasReal) {
        const rows = uniform(13 * SMALL.hiddenSize, seededRandom(1))
        const model = syntheticModel('f32')
        const batch = { offsets: BATCH.offsets, rows }
        const wanted = runReference(buildProgram(model, 'pooled', { input: 'hidden' }), batch)
        expect(largest(await run(model, 'pooled', batch), wanted)).toBeLessThan(1e-4)
        return
      }
      const { weights } = await loadModel(REAL, { embeddings: 'optional' })
      const expected = JSON.parse(await readFile(`${REAL}/forward.json`, 'utf8')) as Record<string, number[][]>
      const batch = { offsets: Int32Array.of(0, 11), rows: Float32Array.from(expected.embedding_output.flat()) }
      const first = { ...weights, layers: weights.layers.slice(0, 1) }
      expect(largest(await run(first, 'hidden', batch), expected.layer0.flat())).toBeLessThan(1e-4)
      expect(largest(await run(weights, 'hidden', batch), expected.layer1.flat())).toBeLessThan(1e-4)
      expect(largest(await run(weights, 'pooled', batch), expected.pooled.flat())).toBeLessThan(1e-4)
      const logits = expected.logits.flat()
      expect(largest(await run(weights, 'logits', batch), logits)).toBeLessThan(1e-4)
      const int8 = await run(quantizeLinears(weights).model, 'logits', batch)
      expect([...int8].map(Math.sign)).toEqual(logits.map(Math.sign))
    })

    it('classifies', async () => {
      const lines = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film']
      const model = {
        weights: syntheticModel('int8', 2),
        tokenizer: tokenizerFromVocabulary(lines, { lowercase: true }),
      }
      await using classify = await pipeline('text-classification', model, { device: kind, threads: 1 })
      const [found] = await classify('good film')
      const ids = model.tokenizer.encode('good film', 16)
      const batch = { offsets: Int32Array.of(0, ids.length), ids, types: new Int32Array(ids.length) }
      const [no, yes] = runReference(buildProgram(model.weights, 'logits'), batch)
      expect(found.label).toBe(yes > no ? 'positive' : 'negative')
      expect(found.score).toBeCloseTo(1 / (1 + Math.exp(-Math.abs(yes - no))), 4)
      expect(classify.info().kind).toBe(kind)
    })

    it('runs single kernels on plain arrays', async () => {
      const { denseMatmul, int8Matmul, sparseMatmul, lowRankLinear } = kind === 'cpu' ? wasm : webgpu
      afterAll(kind === 'cpu' ? wasm.disposeWasm : webgpu.disposeGpu)
      const [M, N, K] = [5, 24, 32]
      const random = seededRandom(3)
      const input = uniform(M * K, random)
      const bias = uniform(N, random)
      const batch = { offsets: Int32Array.of(0, M), rows: input }
      const dense = randomWeight('f32', N, K, random)
      const int8 = quantizeWeight(uniform(N * K, random), N, K)
      const blocks = randomWeight('int8-1x4', N, K, random)
      const factors = [randomWeight('f32', 8, K, random), randomWeight('f32', N, 8, random)]
      const chain = { kind: 'chain' as const, N, K, factors }
      if (dense.kind !== 'f32' || blocks.kind !== 'int8-1x4') throw new Error('expected other kinds')
      const results = [
        { y: await denseMatmul(input, dense, { bias }), weight: dense },
        { y: await int8Matmul(input, int8, { bias }), weight: int8 },
        { y: await sparseMatmul(input, blocks, { bias }), weight: blocks },
        { y: await lowRankLinear(input, chain, { bias }), weight: chain },
      ]
      for (const { y, weight } of results)
        expect(largest(y, runReference(linearProgram(weight, bias, 'none'), batch))).toBeLessThan(1e-4)
    })
  })

describe('device auto', () => {
  it('takes a real GPU, or WebAssembly with the reason', async () => {
    const { device, notes } = await openDevice({ device: 'auto', threads: 1 })
    const { kind, software } = device.info()
    expect(software).toBe(false)
    if (kind === 'cpu') expect(notes.join()).toMatch(/^device auto: .*WebAssembly is used/)
    else expect(notes).toEqual([])
    await device.dispose()
  })
})
