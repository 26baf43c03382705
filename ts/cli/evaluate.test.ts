// `evaluate` of pairs, numbers and sets of labels, on models whose outputs PyTorch made (testing/families/fixtures).

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectSentence, makePlace, type Place } from '../../testing/command-line.ts'

const MODELS = fileURLToPath(new URL('../../testing/families/fixtures/models/', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'evaluate-cli-'))
let place: Place
beforeAll(async () => void (place = await makePlace()))
afterAll(async () => {
  await place.remove()
  await rm(folder, { recursive: true })
})

interface Input {
  text: string
  text_pair?: string
  logits: number[]
  scores: { label: string; score: number }[]
}
const inputsOf = async (model: string): Promise<Input[]> =>
  (JSON.parse(await readFile(join(MODELS, model, 'expected.json'), 'utf8')) as { inputs: Input[] }).inputs

async function evaluate(model: string, name: string, content: string, flags: string[] = []) {
  const data = join(folder, name)
  await writeFile(data, content)
  const ended = await place.run(['evaluate', join(MODELS, model), '--data', data, '--json', ...flags])
  return { ...ended, scores: ended.stdout && (JSON.parse(ended.stdout) as Record<string, unknown>) }
}
const lines = (entries: object[]): string => entries.map((entry) => JSON.stringify(entry)).join('\n')

describe('evaluate', () => {
  it('scores numbers of a regression', async () => {
    const single = (await inputsOf('distilbert-regression')).filter(({ text, text_pair: second }) => text && !second)
    // each number half a unit above what the model says
    const rows = single.map(({ text, logits }) => ({ text, score: logits[0] + 0.5 }))
    const { scores, stderr } = await evaluate('distilbert-regression', 'numbers.jsonl', lines(rows))
    expect(stderr).not.toMatch(/Error/)
    expect(scores).toMatchObject({ n: 3, mse: expect.closeTo(0.25, 4), mae: expect.closeTo(0.5, 4) })
    expect(scores).toMatchObject({ pearson: expect.closeTo(1, 6), spearman: expect.closeTo(1, 12) })
    const wrong = await evaluate('distilbert-regression', 'words.csv', 'text,label\na,good\nb,bad\n')
    expectSentence(wrong, /line 2: the label in column 2 is 'good', expected a number.*--problem-type/)
  })
  it('scores pairs, of a model with one output', async () => {
    const pairs = (await inputsOf('xlm-roberta-reranker')).filter(({ text_pair: second }) => second)
    const rows = pairs.map(({ text, text_pair, logits }) => ({ q: text, d: text_pair, relevance: logits[0] }))
    const flags = ['--text', 'q', '--text-pair', 'd', '--label', 'relevance']
    const { scores, stderr } = await evaluate('xlm-roberta-reranker', 'pairs.jsonl', lines(rows), flags)
    expect(scores).toMatchObject({ n: pairs.length, mse: expect.closeTo(0, 8) })
    expect(stderr).toMatch(/one output and no problem_type.*taken for a number/)
    // classify reads the same pairs
    const [{ text, text_pair, scores: expected }] = pairs
    const input = `${JSON.stringify({ text, text_pair, id: 7 })}\n`
    const said = await place.run(['classify', join(MODELS, 'xlm-roberta-reranker')], { input })
    expect(JSON.parse(said.stdout)).toMatchObject({ id: 7, text_pair, score: expect.closeTo(expected[0].score, 4) })
  })
  it('scores sets of labels, in lists and in columns', async () => {
    const inputs = (await inputsOf('camembert-classification')).filter(({ text, text_pair }) => text && !text_pair)
    const labels = inputs[0].scores.map(({ label }) => label).sort()
    const holds = ({ scores }: Input, label: string): boolean => scores.find((of) => of.label === label)!.score >= 0.5
    const lists = inputs.map((input) => ({ text: input.text, labels: labels.filter((label) => holds(input, label)) }))
    const found = await evaluate('camembert-classification', 'lists.jsonl', lines(lists))
    expect(found.scores).toMatchObject({ n: inputs.length, exact: 1, threshold: 0.5 })
    const cells = inputs.map((input) => [`"${input.text}"`, ...labels.map((label) => Number(holds(input, label)))])
    const csv = [['text', ...labels], ...cells].map((row) => row.join(',')).join('\n')
    const hot = await evaluate('camembert-classification', 'columns.csv', csv)
    expect(hot.scores).toMatchObject({ n: inputs.length, exact: 1, labels: expect.arrayContaining(labels) })
  })
  it('says which kind of labels it wants', async () => {
    const { run, model } = place
    const data = join(folder, 'lists.jsonl')
    const wrong = await run(['evaluate', model, '--data', data])
    expectSentence(wrong, /single_label_classification, one label a text, but the data has lists.*--problem-type/)
  })
})
