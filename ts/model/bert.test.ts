import { access, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import type { Batch, Op, Program } from '../../kernels/program/program.ts'
import { buildProgram } from './bert.ts'
import { loadModel } from './load.ts'
import { FORMATS, SMALL, syntheticModel } from '../../testing/models.ts'

const BATCH: Batch = {
  offsets: Int32Array.of(0, 5, 6, 13),
  ids: Int32Array.from({ length: 13 }, (_, i) => (i * 11 + 3) % SMALL.vocabSize),
  types: Int32Array.from({ length: 13 }, (_, i) => Number(i > 9)),
}

const inputsOf = (op: Op): number[] => {
  switch (op.kind) {
    case 'embedding':
      return []
    case 'attention':
      return [op.query, op.key, op.value]
    case 'linear':
    case 'layernorm':
      return op.residual === null ? [op.input] : [op.input, op.residual]
    default:
      return [op.input]
  }
}

/** The rules of kernels/program/program.ts, op by op. */
function checkProgram({ buffers, ops, input, output }: Program): void {
  const written = new Map<number, number>()
  if (input !== 'ids') written.set(input, buffers[input].width)
  for (const op of ops) {
    expect(inputsOf(op)).not.toContain(op.output)
    for (const id of inputsOf(op)) expect(written.has(id)).toBe(true)
    if (op.kind === 'linear') {
      expect(buffers[op.input].width).toBe(op.weight.K)
      expect(buffers[op.output].width).toBe(op.weight.N)
      expect(buffers[op.input].rows).toBe(buffers[op.output].rows)
    }
    written.set(op.output, buffers[op.output].width)
  }
  expect(written.has(output)).toBe(true)
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  expect(a.length).toBeGreaterThan(0)
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]))
  return most
}

describe('BERT as a program', () => {
  it.each(FORMATS)('keeps the rules of programs in a few buffers: %s', (format) => {
    const model = syntheticModel(format)
    for (const output of ['logits', 'pooled', 'embeddings', 'hidden'] as const) {
      const program = buildProgram(model, output)
      checkProgram(program)
      expect(program.buffers.length).toBeLessThanOrEqual(14)
      checkProgram(buildProgram(model, output, { input: 'hidden', firstTokenOnly: false }))
    }
  })

  it('needs no more buffers for more layers', () => {
    const model = syntheticModel('f32')
    const deep = { ...model, layers: [...model.layers, ...model.layers, ...model.layers] }
    expect(buildProgram(deep, 'hidden').buffers.length).toBe(buildProgram(model, 'hidden').buffers.length)
  })

  it.each(FORMATS)('drops rows that nobody reads without changing the logits: %s', (format) => {
    const model = syntheticModel(format)
    const short = runReference(buildProgram(model, 'logits'), BATCH)
    const whole = runReference(buildProgram(model, 'logits', { firstTokenOnly: false }), BATCH)
    expect(largest(short, whole)).toBe(0)
    const hidden = runReference(buildProgram(model, 'hidden'), BATCH)
    const embeddings = runReference(buildProgram(model, 'embeddings', { normalize: false }), BATCH)
    for (let c = 0; c < 24; c++) {
      let sum = 0
      for (let t = 0; t < 5; t++) sum += hidden[t * 24 + c]
      expect(embeddings[c]).toBeCloseTo(sum / 5, 6)
    }
  })

  it('agrees with the textbook, written out on its own for one sequence', () => {
    const model = syntheticModel('f32', 9)
    const offsets = Int32Array.of(0, 7)
    const batch = { offsets, ids: BATCH.ids!.slice(0, 7), types: BATCH.types!.slice(0, 7) }
    expect(
      largest(runReference(buildProgram(model, 'logits'), batch), textbook(model, batch.ids, batch.types)),
    ).toBeLessThan(1e-9)
  })

  it('says what a model lacks', () => {
    const model = syntheticModel('f32')
    expect(() => buildProgram({ ...model, classifier: null }, 'logits')).toThrow(/has no classifier/)
    expect(() => buildProgram({ ...model, pooler: null }, 'pooled')).toThrow(/has no pooler/)
    const bare = { ...model, embeddings: { ...model.embeddings, word: { ...model.embeddings.word, rows: 0 } } }
    expect(() => buildProgram(bare, 'hidden')).toThrow(/no embedding tables: it takes hidden rows/)
  })
})

/** BERT in f64 loops that share no code with the kernels' references. */
function textbook(model: ReturnType<typeof syntheticModel>, ids: Int32Array, types: Int32Array): number[] {
  type Rows = number[][]
  const { embeddings, config } = model
  const table = (t: typeof embeddings.word, row: number) => [...t.data.slice(row * t.width, (row + 1) * t.width)]
  const apply = (x: Rows, { weight, bias }: (typeof model.layers)[0]['query']): Rows =>
    x.map((row) =>
      Array.from({ length: weight.N }, (_, n) => {
        if (weight.kind !== 'f32') throw new Error('the textbook is dense')
        return row.reduce((sum, value, k) => sum + value * weight.data[n * weight.K + k], bias![n])
      }),
    )
  const norm = (x: Rows, { gamma, beta }: typeof embeddings.norm): Rows =>
    x.map((row) => {
      const mean = row.reduce((a, b) => a + b) / row.length
      const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length
      return row.map((v, i) => ((v - mean) / Math.sqrt(variance + config.layerNormEpsilon)) * gamma[i] + beta[i])
    })
  const add = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((v, j) => v + b[i][j]))
  // erf by its Taylor series: the arguments here are small
  const erf = (z: number): number => {
    let [term, sum] = [z, z]
    for (let n = 1; n < 60; n++) {
      term *= (-z * z) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let x = norm(
    [...ids].map((id, t) =>
      table(embeddings.word, id).map(
        (v, c) => v + table(embeddings.position, t)[c] + table(embeddings.type, types[t])[c],
      ),
    ),
    embeddings.norm,
  )
  for (const layer of model.layers) {
    const [q, k, v] = [layer.query, layer.key, layer.value].map((linear) => apply(x, linear))
    const context = q.map((row) => new Array<number>(row.length).fill(0))
    for (let h = 0; h < layer.heads; h++)
      for (let i = 0; i < x.length; i++) {
        const from = h * layer.headSize
        const scores = k.map((row) => {
          let dot = 0
          for (let d = 0; d < layer.headSize; d++) dot += q[i][from + d] * row[from + d]
          return Math.exp(dot / Math.sqrt(layer.headSize))
        })
        const total = scores.reduce((a, b) => a + b)
        for (let d = 0; d < layer.headSize; d++)
          context[i][from + d] = scores.reduce((sum, s, j) => sum + (s / total) * v[j][from + d], 0)
      }
    x = norm(add(x, apply(context, layer.attentionOutput)), layer.attentionNorm)
    const wide = apply(x, layer.intermediate).map((row) => row.map((z) => 0.5 * z * (1 + erf(z / Math.SQRT2))))
    x = norm(add(x, apply(wide, layer.output)), layer.outputNorm)
  }
  const pooled = apply([x[0]], model.pooler!).map((row) => row.map(Math.tanh))
  return apply(pooled, model.classifier!)[0]
}

describe('a real model: BERT-tiny fine-tuned on SST-2', async () => {
  const folder = fileURLToPath(new URL('../../../shared/data/bert-tiny-sst2-encoder', import.meta.url))
  const isThere = await access(folder).then(
    () => true,
    () => false,
  )
  if (!isThere) console.warn(`\n*** ${folder} is not there: the real BERT-tiny is NOT checked in this run ***\n`)

  it('gives the layers, the pooled vector and the logits that were computed elsewhere, within 1e-4', async () => {
    if (!isThere) {
      expect(runReference(buildProgram(syntheticModel('f32'), 'logits'), BATCH).length).toBe(6)
      return
    }
    const { weights } = await loadModel(folder, { embeddings: 'optional' })
    expect(weights.config.labels).toEqual(['negative', 'positive'])
    const expected = JSON.parse(await readFile(`${folder}/forward.json`, 'utf8')) as Record<string, number[][]>
    const batch: Batch = {
      offsets: Int32Array.of(0, 11),
      rows: Float32Array.from(expected.embedding_output.flat()),
    }
    const run = (model: typeof weights, output: 'hidden' | 'pooled' | 'logits') =>
      runReference(buildProgram(model, output, { input: 'hidden' }), batch)
    expect(
      largest(run({ ...weights, layers: weights.layers.slice(0, 1) }, 'hidden'), expected.layer0.flat()),
    ).toBeLessThan(1e-4)
    expect(largest(run(weights, 'hidden'), expected.layer1.flat())).toBeLessThan(1e-4)
    expect(largest(run(weights, 'pooled'), expected.pooled.flat())).toBeLessThan(1e-4)
    expect(largest(run(weights, 'logits'), expected.logits.flat())).toBeLessThan(1e-4)
  })
})
