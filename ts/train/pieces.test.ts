import { expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'
import { initializeModel, trainClassifier } from '../train.ts'
import { dropPieces, piecePairs } from './pieces.ts'
import { numbersOf, TOY, toy } from '../../testing/toy-task.ts'

const LETTERS = [...'abcdnr']
const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...LETTERS, ...LETTERS.map((x) => `##${x}`)].concat(
  'ban', '##ana', 'card', '##an', 'ca', '##rd', '##d\u{1f600}', '##\u{1f600}',
) // prettier-ignore
const pairs = piecePairs(VOCABULARY)
const spelling = (ids: Iterable<number>): string => [...ids].map((id) => VOCABULARY[id].replace(/^##/, '')).join('')
const encode = (text: string): Int32Array => tokenizerFromVocabulary(VOCABULARY, { lowercase: true }).encode(text, 64)

it('finds the pairs of pieces that spell a piece, and none for single characters and special tokens', () => {
  const words = (piece: string): string[] => [...pairs[VOCABULARY.indexOf(piece)]].map((id) => VOCABULARY[id])
  expect(words('card')).toEqual(['ca', '##rd'])
  expect(words('##ana')).toEqual(['##an', '##a'])
  expect(words('##d\u{1f600}')).toEqual(['##d', '##\u{1f600}'])
  for (const piece of ['[MASK]', '[CLS]', 'a', '##n']) expect(words(piece)).toEqual([])
})

it('refuses a vocabulary of another kind', () => {
  expect(() => piecePairs(['<s>', '\u0120good', 'ness'])).toThrow(/no piece of this one begins with ##/)
})

it('spells the same text in other pieces, each as often as the rate says', () => {
  const ids = encode('banana card')
  const random = createRandom(1)
  const runs = Array.from({ length: 2000 }, () => dropPieces({ ids }, { rate: 0.25, pairs }, 64, random).ids)
  for (const run of runs) expect(spelling(run)).toBe(spelling(ids))
  // of the three pieces `card` can fall, and so can `##ana`: 4 standard deviations of a share of 2000
  const kept = runs.filter((run) => run.includes(VOCABULARY.indexOf('card'))).length / runs.length
  expect(Math.abs(kept - 0.75)).toBeLessThan(0.04)
  expect(dropPieces({ ids }, { rate: 0, pairs }, 64, random)).toEqual({ ids })
})

it('keeps the last id where the new spelling is longer than fits', () => {
  const ids = encode('card card card')
  const types = Int32Array.from(ids, (_, m) => (m > 1 ? 1 : 0))
  const spelt = dropPieces({ ids, types }, { rate: 0.999999, pairs }, 6, createRandom(3))
  expect(spelt.ids.length).toBe(6)
  expect(spelt.ids[0]).toBe(2)
  expect(spelt.ids[5]).toBe(3)
  // parts of a piece have its type: [CLS] and the parts of the first word are of the first text
  const first = spelt.types!.indexOf(1)
  expect(first).toBeGreaterThan(2)
  expect([...spelt.types!]).toEqual(Array.from({ length: 6 }, (_, m) => (m >= first ? 1 : 0)))
})

it('changes what a training reads, not what it is scored on, and refuses a rate that leaves no piece whole', async () => {
  const start = initializeModel({ ...TOY, layers: 1 }, 1)
  const examples = toy(32, 1)
  const same = Array.from({ length: TOY.vocabSize }, () => Int32Array.of(5, 6))
  const train = (rate: number) =>
    trainClassifier(start, examples, { steps: 3, batch: 8, validation: examples, pieceDropout: { rate, pairs: same } })
  const [whole, none, broken] = [
    await trainClassifier(start, examples, { steps: 3, batch: 8, validation: examples }),
    await train(0),
    await train(0.5),
  ]
  expect(numbersOf(none.model)).toEqual(numbersOf(whole.model))
  expect(broken.losses).not.toEqual(whole.losses)
  await expect(train(1)).rejects.toThrow('pieceDropout.rate = 1; it must be from 0 to below 1')
})
