import { beforeAll, describe, expect, it } from 'vitest'
import { quantizeWordEmbeddings } from '../compress/quantize.ts'
import type { ModelWeights } from '../model/weights.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { initializeModel, layerMap, studentFrom, trainClassifier, type TrainExample } from '../train.ts'
import { TOY } from '../../testing/toy-task.ts'

const CONFIG = { ...TOY, layers: 3 }
const SIZE = { layers: 2, hiddenSize: 32, heads: 2, intermediateSize: 64 }
const NARROW = { layers: 1, hiddenSize: 16, heads: 2, intermediateSize: 32 }

/** Label 1: one of the tokens 8 .. 13 stands somewhere among others; label 0: one of 14 .. 19 does. */
function toy(count: number, seed: number): TrainExample[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const middle = Array.from({ length: 4 + random.int(8) }, () => 20 + random.int(30))
    const label = i % 2
    middle[random.int(middle.length)] = (label ? 8 : 14) + random.int(6)
    return { ids: Int32Array.from([2, ...middle, 3]), label }
  })
}

const wordsOf = (model: ModelWeights): Float32Array => (model.embeddings.word as { data: Float32Array }).data
const examples = toy(256, 1)
let teacher: ModelWeights

beforeAll(async () => {
  const start = initializeModel(CONFIG, 1)
  const options = { epochs: 10, learningRate: 3e-3, dropout: 0, validation: toy(128, 2) }
  const result = await trainClassifier(start, examples, options)
  expect(result.validation.at(-1)!.accuracy).toBeGreaterThan(0.95)
  teacher = result.model
})

describe('the layers taken', () => {
  it('are evenly spaced with both ends', () => {
    expect(layerMap(12, 6)).toEqual([0, 2, 4, 7, 9, 11])
    expect(layerMap(6, 3)).toEqual([0, 2, 5])
    expect(layerMap(12, 4)).toEqual([0, 4, 7, 11])
    expect(layerMap(4, 1)).toEqual([0])
    expect(layerMap(3, 3)).toEqual([0, 1, 2])
    expect(() => layerMap(2, 3)).toThrow('3 layers cannot be taken from a teacher of 2')
  })

  it('are the teacher’s own numbers', () => {
    const { model, notes } = studentFrom(teacher, SIZE, { seed: 1, maxPositions: 14 })
    expect(notes).toEqual(["layers 0, 2 of the teacher's 3"])
    expect(model.layers).toEqual([teacher.layers[0], teacher.layers[2]])
    expect(model.classifier).toEqual(teacher.classifier)
    expect(model.embeddings.norm).toEqual(teacher.embeddings.norm)
    expect(wordsOf(model)).toEqual(wordsOf(teacher))
    expect(model.embeddings.position.rows).toBe(14)
    expect(model.config).toEqual({ ...CONFIG, layers: 2, maxPositions: 14 })
    wordsOf(model)[0]++
    model.layers[0].query.bias![0]++
    expect([wordsOf(teacher)[0], teacher.layers[0].query.bias![0]]).not.toEqual([
      wordsOf(model)[0],
      model.layers[0].query.bias![0],
    ])
  })

  it('keep their halves that fit', () => {
    const { model, notes } = studentFrom(teacher, { ...SIZE, intermediateSize: 48 }, { seed: 1, layers: [2, 1] })
    expect(notes).toEqual(["layers 2, 1 of the teacher's 3", 'feed-forward starts fresh: 48 neurons, not 64'])
    expect(model.layers[0].query).toEqual(teacher.layers[2].query)
    expect(model.layers[0].intermediate.weight.N).toBe(48)
    const other = studentFrom(teacher, { ...SIZE, heads: 4 }, { seed: 1 })
    expect(other.notes).toContain('attention starts fresh: 4 heads, not 2')
    expect(other.model.layers[1].output).toEqual(teacher.layers[2].output)
  })
})

describe('a narrower table', () => {
  it('keeps all distances that the layers see up to one factor, where its rank allows it', () => {
    // words of rank 9 beside a mean that LayerNorm takes away
    const random = createRandom(5)
    const directions = Float64Array.from({ length: 9 * 32 }, () => random.normal())
    const flat = structuredClone(teacher)
    const words = wordsOf(flat)
    for (let word = 0; word < 50; word++) {
      const shares = Array.from({ length: 9 }, () => random.normal())
      const offset = random.normal()
      for (let c = 0; c < 32; c++)
        words[word * 32 + c] = offset + shares.reduce((sum, x, r) => sum + x * directions[r * 32 + c], 0)
    }
    const { gamma } = flat.embeddings.norm
    const { model, notes } = studentFrom(flat, NARROW, { seed: 1 })
    expect(notes).toEqual(["tables projected from 32 to 16 dimensions with 100.0 % of the words' squares"])
    const seen = (word: number): number[] => {
      const row = [...words.subarray(word * 32, word * 32 + 32)]
      const mean = row.reduce((a, b) => a + b) / 32
      return row.map((x, c) => gamma[c] * (x - mean))
    }
    const narrow = (word: number): number[] => [...wordsOf(model).subarray(word * 16, word * 16 + 16)]
    const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0)
    const factor = dot(narrow(0), narrow(0)) / dot(seen(0), seen(0))
    for (let i = 0; i < 50; i++) {
      const scale = factor * dot(seen(i), seen(i))
      expect(Math.abs(narrow(i).reduce((a, b) => a + b))).toBeLessThan(1e-5 * Math.sqrt(scale))
      // f32 rounds what is stored; the sums are f64
      for (let j = 0; j <= i; j++)
        expect(Math.abs(dot(narrow(i), narrow(j)) - factor * dot(seen(i), seen(j)))).toBeLessThan(
          1e-5 * Math.sqrt(scale * factor * dot(seen(j), seen(j))),
        )
    }
  })

  it('keeps the words that occur before those that do not', () => {
    const frequencies = Float64Array.from({ length: 50 }, (_, word) => (word >= 8 && word < 20 ? 1 : 0))
    const { model, notes } = studentFrom(teacher, NARROW, { seed: 1, frequencies })
    // 12 words have no more than 12 directions
    expect(notes[0]).toContain('with 100.0 %')
    expect(wordsOf(model)).toHaveLength(50 * 16)
    expect(studentFrom(teacher, NARROW, { seed: 1 }).notes[0]).not.toContain('100.0 %')
    expect(model.layers).toEqual(initializeModel({ ...CONFIG, ...NARROW }, 1).layers)
  })

  it('comes from tables in any storage format', () => {
    const { model } = studentFrom(quantizeWordEmbeddings(teacher).model, NARROW, { seed: 1 })
    const [a, b] = [wordsOf(model), wordsOf(studentFrom(teacher, NARROW, { seed: 1 }).model)]
    const largest = Math.max(...b.map(Math.abs))
    expect(a.every((x, i) => Math.abs(x - b[i]) < 0.2 * largest)).toBe(true)
  })
})

describe('another vocabulary', () => {
  it('starts from the mean of its pieces, and fresh without any', () => {
    const rows = [[3], [4, 6], []]
    const { model, notes } = studentFrom(teacher, SIZE, { seed: 1, rows })
    expect(model.config.vocabSize).toBe(3)
    const [from, words] = [wordsOf(teacher), wordsOf(model)]
    expect(words.slice(0, 32)).toEqual(from.slice(96, 128))
    expect(words[32 + 5]).toBeCloseTo((from[4 * 32 + 5] + from[6 * 32 + 5]) / 2, 6)
    const fresh = initializeModel({ ...CONFIG, ...SIZE, vocabSize: 3 }, 1)
    expect(words.slice(64)).toEqual(wordsOf(fresh).slice(64))
    expect(notes).toContain('1 of 3 words start fresh')
    expect(() => studentFrom(teacher, SIZE, { seed: 1, rows: [[50]] })).toThrow('word 0 is made of row 50')
  })
})

describe('a start from the teacher', () => {
  const lossesOf = async (student: ModelWeights, steps: number): Promise<number[]> =>
    (await trainClassifier(student, examples, { steps, learningRate: 1e-3, dropout: 0, batch: 64 })).losses

  it('has a lower loss than a fresh one', async () => {
    const taken = await lossesOf(studentFrom(teacher, SIZE, { seed: 1 }).model, 1)
    const fresh = await lossesOf(initializeModel({ ...CONFIG, ...SIZE }, 1), 1)
    expect(taken[0]).toBeLessThan(0.8 * fresh[0])
  })

  it('learns sooner, on the mean of seeds, where only its tables are the teacher’s', async () => {
    const seeds = [1, 2, 3]
    const meanOf = async (make: (seed: number) => ModelWeights): Promise<number> => {
      let sum = 0
      for (const seed of seeds) sum += (await lossesOf(make(seed), 20)).at(-1)!
      return sum / seeds.length
    }
    const taken = await meanOf((seed) => studentFrom(teacher, NARROW, { seed }).model)
    const fresh = await meanOf((seed) => initializeModel({ ...CONFIG, ...NARROW }, seed))
    // measured: 0.28 and 0.51
    expect(taken).toBeLessThan(0.8 * fresh)
  })
})

it('says what cannot be', () => {
  expect(() => studentFrom(teacher, { ...SIZE, hiddenSize: 64 }, { seed: 1 })).toThrow('start it fresh')
  expect(() => studentFrom(teacher, SIZE, { seed: 1, maxPositions: 17 })).toThrow('the teacher has 16')
  expect(() => studentFrom(teacher, SIZE, { seed: 1, layers: [0, 3] })).toThrow('expected 2 numbers from 0 to 2')
  expect(() => studentFrom(teacher, NARROW, { seed: 1, frequencies: [1] })).toThrow('1 frequencies')
})
