import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { buildProgram } from '../model/bert.ts'
import { FORMATS, SMALL, syntheticModel, withStaticScales } from '../../testing/models.ts'
import type { ModelWeights } from '../model/weights.ts'
import { decodeOnnx, type Value } from '../../testing/onnx/decode.ts'
import { evaluateOnnx } from '../../testing/onnx/evaluate.ts'
import { encodeOnnx, exportOnnx, type OnnxOptions } from './export.ts'
import { Message } from './protobuf.ts'

const LENGTHS = [5, 1, 7]
const T = Math.max(...LENGTHS)
const BATCH: Batch = {
  offsets: Int32Array.of(0, 5, 6, 13),
  ids: Int32Array.from({ length: 13 }, (_, i) => (i * 11 + 3) % SMALL.vocabSize),
  types: Int32Array.from({ length: 13 }, (_, i) => Number(i > 9)),
}

/** The batch padded to its longest sequence; the padding holds a real token, which the mask must hide. */
function padded(): Record<string, Value> {
  const dims = [LENGTHS.length, T]
  const fill = (pick: (b: number, t: number) => number): Value => ({
    dims,
    data: Float64Array.from({ length: LENGTHS.length * T }, (_, i) => pick(Math.floor(i / T), i % T)),
  })
  const inside = (b: number, t: number) => t < LENGTHS[b]
  return {
    input_ids: fill((b, t) => (inside(b, t) ? BATCH.ids![BATCH.offsets[b] + t] : 9)),
    attention_mask: fill((b, t) => Number(inside(b, t))),
    token_type_ids: fill((b, t) => (inside(b, t) ? BATCH.types![BATCH.offsets[b] + t] : 0)),
  }
}

function run(model: ModelWeights, options: OnnxOptions): number[] {
  const graph = decodeOnnx(encodeOnnx(model, options))
  expect(graph.opset).toBe(17)
  expect(graph.inputs).toEqual(['input_ids', 'attention_mask', 'token_type_ids'])
  const [[name, { dims, data }]] = evaluateOnnx(graph, padded())
  if (name === 'logits') return [...data]
  expect([name, dims]).toEqual(['last_hidden_state', [LENGTHS.length, T, SMALL.hiddenSize]])
  return LENGTHS.flatMap((length, b) => [...data.slice(b * T * dims[2], (b * T + length) * dims[2])])
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  return Math.max(...Array.from(a, (x, i) => (Number.isNaN(x) ? Infinity : Math.abs(x - b[i]))))
}

describe('ONNX export', () => {
  it.each(FORMATS)('computes what the model computes: %s', (format) => {
    for (const tables of ['f32', 'int8'] as const) {
      const model = syntheticModel(format, 4, { tables })
      const options = { activations: 'per-row' } as const
      const hidden = runReference(buildProgram(model, 'hidden'), BATCH)
      expect(largest(run(model, { ...options, output: 'last_hidden_state' }), hidden)).toBeLessThan(1e-4)
      const logits = runReference(buildProgram(model, 'logits'), BATCH)
      expect(largest(run(model, options), logits)).toBeLessThan(1e-5)
    }
  })

  it('keeps calibrated activation scales in both int8 formats', () => {
    for (const format of ['int8', 'int8-1x4', 'chain-int8'] as const)
      for (const activations of ['per-row', 'per-tensor'] as const) {
        // inner factors of a chain have rows with scales of their own, which 'per-tensor' does otherwise
        if (format === 'chain-int8' && activations === 'per-tensor') continue
        const model = withStaticScales(syntheticModel(format, 4, { all: true }))
        const logits = runReference(buildProgram(model, 'logits'), BATCH)
        expect(largest(run(model, { activations }), logits)).toBeLessThan(1e-5)
        const dynamic = runReference(buildProgram(syntheticModel(format, 4, { all: true }), 'logits'), BATCH)
        expect(largest(logits, dynamic)).toBeGreaterThan(1e-3)
      }
  })

  it('quantizes activations per tensor for runtimes that fuse that, close to ours', () => {
    const model = syntheticModel('f32', 4, {})
    const int8 = syntheticModel('int8', 4, {})
    const graph = decodeOnnx(encodeOnnx(int8))
    const count = (type: string) => graph.nodes.filter((node) => node.type === type).length
    // query, key and value share one quantization of their input: four per layer
    expect([count('DynamicQuantizeLinear'), count('MatMulInteger')]).toEqual([8, 12])
    // an int8 model whose pooler and classifier alone are int8: no chaos on the way to compare through
    const small = { ...model, pooler: int8.layers[0].query, classifier: model.classifier }
    const wanted = runReference(buildProgram(small, 'logits'), BATCH)
    const rms = Math.sqrt(wanted.reduce((sum, x) => sum + x * x, 0) / wanted.length)
    expect(largest(run(small, {}), wanted)).toBeLessThan(0.1 * rms)
  })

  it('takes uneven heads, missing biases, and bare encoders', () => {
    const model = syntheticModel('f32', 5)
    const layer = model.layers[1]
    const part = (data: Float32Array, N: number, K: number) => ({
      kind: 'f32' as const,
      N,
      K,
      data: data.slice(0, N * K),
    })
    for (const role of ['query', 'key', 'value', 'attentionOutput'] as const) {
      const { weight, bias } = layer[role]
      if (weight.kind !== 'f32') throw new Error('expected f32')
      const isOutput = role === 'attentionOutput'
      layer[role] = {
        weight: part(weight.data, isOutput ? 24 : 18, isOutput ? 18 : 24),
        bias: bias!.slice(0, isOutput ? 24 : 18),
      }
    }
    layer.heads = 3
    layer.output.bias = null
    const hidden = runReference(buildProgram(model, 'hidden'), BATCH)
    expect(largest(run({ ...model, pooler: null, classifier: null }, {}), hidden)).toBeLessThan(1e-4)
    expect(() => encodeOnnx({ ...model, classifier: null }, { output: 'logits' })).toThrow(
      /no classifier; export last_hidden_state/,
    )
  })

  it('writes the same file to disk as to memory, shared factors once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'onnx-'))
    afterAll(() => rm(folder, { recursive: true }))
    const model = syntheticModel('chain', 4)
    const apart = encodeOnnx(model).length
    const [first, second] = model.layers.map(({ query }) => query.weight)
    if (first.kind !== 'chain' || second.kind !== 'chain') throw new Error('expected chains')
    second.factors[0] = first.factors[0]
    const path = join(folder, 'model.onnx')
    const bytes = await exportOnnx(model, path)
    const encoded = encodeOnnx(model)
    expect(new Uint8Array(await readFile(path))).toEqual(encoded)
    expect(bytes).toBe(encoded.length)
    expect(apart - bytes).toBeGreaterThan(8 * 24 * 4)
  })

  it('refuses a file past 2 GB before it makes it', () => {
    const model = syntheticModel('f32')
    const huge = { length: 2 ** 31 } as unknown as Float32Array
    model.layers[0].query.weight = { kind: 'f32', N: 2 ** 14, K: 2 ** 15, data: huge }
    expect(() => encodeOnnx(model)).toThrow(/the file would have 2\d{9} bytes, ONNX files have at most 2147483647/)
  })
})

describe('protocol buffers', () => {
  it('are as the format has them', () => {
    const message = new Message().int(1, 150).int(2, -1).string(3, 'é').float(4, 1).message(5, new Message().int(1, 0))
    const bytes = [...message].flatMap((part) => [...part])
    expect(bytes.length).toBe(message.length)
    const minusOne = [...new Array<number>(9).fill(255), 1]
    expect(bytes).toEqual([8, 150, 1, 16, ...minusOne, 26, 2, 0xc3, 0xa9, 37, 0, 0, 128, 63, 42, 2, 8, 0])
  })
})
