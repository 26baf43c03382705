import { expect, it } from 'vitest'
import { learnTokenizer } from '../text/learn-tokenizer.ts'
import { cuttingNote } from './cutting.ts'

// what tells is the last word, which a short model does not see
const rows = (count: number): { text: string; label: number }[] =>
  Array.from({ length: count }, (_, i) => ({
    text: `${i % 4 === 0 ? 'short' : 'a long letter about this and that'} ${i % 2 ? 'win' : 'meet'}`,
    label: i % 2,
  }))

it('says how many texts lost how much, and what logistic regression loses by it', () => {
  const [train, test] = [rows(200), rows(80)]
  const tokenizer = learnTokenizer(
    train.map(({ text }) => text),
    100,
    null,
  )
  const shared = { tokenizer, train, test, linear: 1, classes: 2, metric: 'accuracy', positive: 1, seed: 1 } as const
  const predictions = test.map(({ label }, i) => (i % 4 === 0 ? label : 1))
  expect(cuttingNote({ ...shared, predictions, limit: 6 })).toMatch(
    /^60 of 80 test texts are longer than 6 tokens and lost their end, \d+ % of all their tokens: the baseline's accuracy is 0\.667 on them and not measured, a class is too rare on the others; logistic regression has 1\.000 on whole texts and 0\.\d+ where it is trained and tested on what the model reads$/,
  )
  expect(cuttingNote({ ...shared, predictions, limit: 64 })).toBe('')
})
