import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { factorizeTucker } from '../compress/factorize-tucker.ts'
import { factorizeSvd } from '../compress/low-rank.ts'
import { prune } from '../compress/prune.ts'
import { quantizeLinears, quantizeWordEmbeddings } from '../compress/quantize.ts'
import { pruneStructure, removeStructure, weightImportance } from '../compress/structure.ts'
import { syntheticCalibration } from '../../testing/factors.ts'
import { loadModel } from '../model/load.ts'
import { inspectModel, inspectSource, recipeLedger } from './ledger.ts'
import { encodeModel, modelTensors, saveModel } from '../model/save.ts'
import { FORMATS, SMALL, syntheticModel } from '../../testing/models.ts'
import { randomModel } from '../model/preset.ts'
import type { ModelWeights } from '../model/weights.ts'

const root = await mkdtemp(join(tmpdir(), 'ledger-'))
afterAll(() => rm(root, { recursive: true }))

const tensorBytes = (model: ModelWeights) =>
  modelTensors(model).tensors.reduce((sum, { data }) => sum + data.byteLength, 0)

describe('byte ledger', () => {
  it('gives the study its sizes for mBERT: 711.4, 454.8 and 179.4 MB of weights, scales apart', () => {
    const megabytes = (recipe: string) => {
      const { bytes, groups } = recipeLedger('mbert', recipe)
      const scales = groups.find(({ name }) => name === 'scales')?.bytes ?? 0
      return [((bytes - scales) / 1e6).toFixed(1), (scales / 1e6).toFixed(1)]
    }
    expect(recipeLedger('mbert').params).toBe(177_854_978)
    expect(megabytes('baseline')).toEqual(['711.4', '0.0'])
    expect(megabytes('q8')).toEqual(['454.8', '0.3'])
    expect(megabytes('q8+e8')).toEqual(['179.4', '1.3'])
    expect(megabytes('heads8-ffn2048')).toEqual(['598.1', '0.0'])
  })

  it('adds up: groups to the total, the total to the tensors and the file', async () => {
    for (const format of FORMATS) {
      const model = syntheticModel(format, 2, { tables: 'int8' })
      const ledger = inspectModel(model)
      expect(ledger.bytes).toBe(tensorBytes(model))
      expect(ledger.groups.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(ledger.bytes)
      expect(ledger.groups.reduce((sum, { params }) => sum + params, 0)).toBe(ledger.params)
      const file = encodeModel(model)['model.safetensors'].length
      expect(inspectModel(model, { header: true }).bytes).toBe(file)
      const folder = join(root, format)
      await saveModel(model, folder)
      const found = await inspectSource(folder)
      expect(found.bytes).toBe((await stat(join(folder, 'model.safetensors'))).size)
      expect(found.params).toBe(ledger.params)
      expect(found.groups.filter(({ name }) => name !== 'header')).toEqual(ledger.groups)
      expect((await loadModel(folder)).headerBytes).toBe(found.groups.at(-1)!.bytes)
    }
  })

  it('tells beforehand what the compression makes', async () => {
    const config = { ...SMALL, labels: ['a', 'b'], hiddenSize: 64, intermediateSize: 128, layers: 3 }
    const base = randomModel(config, 5)
    const options = { seed: 1 }
    const nm = { kind: 'nm', n: 2, m: 4, group: 32 } as const
    const svd = (await factorizeSvd(base, 0.25, options)).model
    const tucker = (await factorizeTucker(base, 0.25, options)).model
    const tucker3 = (await factorizeTucker(base, 0.25, { ...options, mixed: true })).model
    const { calibration } = syntheticCalibration(base, 1)
    const whitened = { ...options, calibration, whitened: true }
    const blocks = prune(base, { kind: 'blocks', sparsity: 0.8 }, 'sp80x4').model
    const tiles = prune(base, { kind: 'tiles', sparsity: 0.5 }, 'sp50x16x32').model
    const wanda = prune(base, { kind: 'wanda', sparsity: 0.8, blocks: false }, 'wanda80', calibration).model
    const wandaBlocks = prune(base, { kind: 'wanda', sparsity: 0.7, blocks: true }, 'wanda70x4', calibration).model
    const measure = async (model: ModelWeights) =>
      model.layers.map((layer, i) => {
        const { heads, neurons } = weightImportance(layer)
        return { heads: heads.map((x) => x * (1 + i)), neurons: neurons.map((x) => x * (1 + i)) }
      })
    const uneven = (await pruneStructure(base, { heads: 6, ffn: 1536 }, measure, { iterations: 2 })).model
    expect(new Set(uneven.layers.map(({ heads }) => heads)).size).toBeGreaterThan(1)
    const made: [string, ModelWeights][] = [
      ['q8', quantizeLinears(base).model],
      ['q8+e8', quantizeWordEmbeddings(quantizeLinears(base).model).model],
      ['sp80', prune(base, { kind: 'unstructured', sparsity: 0.8 }, 'sp80').model],
      ['sp80x4+q8', quantizeLinears(blocks).model],
      ['sp50x16x32', tiles],
      ['sp50x16x32+q8', quantizeLinears(tiles).model],
      ['wanda80', wanda],
      ['wanda80+q8', quantizeLinears(wanda).model],
      ['wanda70x4+q8:tensor', quantizeLinears(wandaBlocks, { perTensor: true }).model],
      ['q8:tensor,static', quantizeLinears(base, { perTensor: true, isStatic: true, calibration }).model],
      ['svd:0.25+wanda80', prune(svd, { kind: 'wanda', sparsity: 0.8, blocks: false }, 'wanda80', calibration).model],
      ['nm2:4', prune(base, nm, 'nm2:4').model],
      ['heads8-ffn2048', removeStructure(base, { heads: 8, ffn: 2048 }).model],
      ['heads6-ffn1536', uneven],
      ['heads6-ffn1536+q8', quantizeLinears(uneven).model],
      ['svd:0.25', svd],
      ['svd:0.25+q8', quantizeLinears(svd).model],
      ['wsvd:0.25', (await factorizeSvd(base, 0.25, whitened)).model],
      ['tucker:0.25', tucker],
      ['wtucker:0.25', (await factorizeTucker(base, 0.25, whitened)).model],
      ['tucker3:0.25', tucker3],
      ['tucker3:0.25+q8', quantizeLinears(tucker3).model],
      ['tucker:0.25+q8', quantizeLinears(tucker).model],
      ['tucker:0.25+sp80', prune(tucker, { kind: 'unstructured', sparsity: 0.8 }, 'sp80').model],
    ]
    for (const [recipe, model] of made) {
      const { bytes, params } = inspectModel(base, { recipe })
      expect([recipe, bytes, params]).toEqual([recipe, tensorBytes(model), inspectModel(model).params])
    }
  })

  it('names the steps there are, and refuses those that do not go together', () => {
    expect(() => recipeLedger('mbert', 'q9')).toThrow(/unknown step 'q9'[^]*sp80x4/)
    expect(() => recipeLedger('mbert', 'q8+sp80')).toThrow(/'sp80' after 'q8'/)
    expect(() => recipeLedger('mbert', 'vocab')).toThrow(/vocab: the size depends on the texts/)
    expect(() => recipeLedger('mbert', 'svd:e0.9')).toThrow(/svd:e0.9: the ranks depend on the weights[^]*'svd:0.25'/)
    expect(() => recipeLedger('mbert', 'wsvd:20MB')).toThrow(/wsvd:20MB: the ranks depend on the weights/)
    expect(() => inspectModel(syntheticModel('int8'), { recipe: 'q8' })).toThrow(
      /q8: the layer is stored as int8 already/,
    )
    expect(() => recipeLedger('mbert', 'student:x')).toThrow(/no preset 'x'/)
    expect(() => recipeLedger('bert-huge')).toThrow(/no preset 'bert-huge'; the presets are mbert/)
  })

  it('counts vocabulary pruning and keeps the given shape as it was', () => {
    const full = recipeLedger('mbert')
    const pruned = recipeLedger('mbert', 'vocab:24000')
    expect(full.bytes - pruned.bytes).toBe((119_547 - 24_000) * 768 * 4)
    expect(recipeLedger('mbert')).toEqual(full)
    const student = recipeLedger('mbert', 'vocab:4000+student:tiny+q8')
    expect(student.groups.find(({ name }) => name === 'word')).toMatchObject({ bytes: 4000 * 128 * 4, kind: 'f32' })
    expect(student.groups.find(({ name }) => name === 'ffn')?.kind).toBe('int8')
    expect(recipeLedger('mbert', 'vocab:4000+student:2x128+q8').bytes).toBe(student.bytes)
  })
})
