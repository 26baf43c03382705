// What `train`, `distil`, `compress`, `evaluate`, `classify` and `study` do with --prepare, --language, --test, --tune
// and several --data files: each test starts the command as a user would.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
let folder = ''

/** Starts the command in `folder` and waits for its end. */
function run(args: string[], input = ''): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
    child.stdin!.end(input)
  })
}

async function json(args: string[]) {
  const { code, stdout, stderr } = await run([...args, '--json'])
  expect(code, stderr).toBe(0)
  return { ...JSON.parse(stdout), stderr }
}

const preparationOfModel = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, name, 'config.json'), 'utf8')).text_preparation

const GOOD = ['good', 'loved', 'great', 'fine']
const BAD = ['bad', 'hated', 'poor', 'awful']
const sentence = (i: number): [string, string] => [
  `the <b>${(i % 2 ? GOOD : BAD)[(i >> 1) % 4]}</b> films number ${i}`,
  i % 2 ? 'positive' : 'negative',
]
const table = (from: number, to: number, turn: (row: [string, string]) => [string, string] = (row) => row): string =>
  `text,label\n${Array.from({ length: to - from }, (_, i) => turn(sentence(from + i)).join(',')).join('\n')}\n`

const TRAIN = ['--epochs', '2', '--threads', '1', '--minutes', '1']
const PREPARED = { version: 1, steps: ['normalise', 'stem'], language: 'en' }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-prepare-'))
  const files = {
    'first.csv': table(0, 60),
    'second.csv': table(60, 120),
    'test.csv': table(120, 160),
    // other texts, three in four positive
    'other.csv': table(200, 240, ([text, label]) => [`also ${text}`, /[0-4]$/.test(text) ? 'positive' : label]),
    // the same as training texts once they are prepared
    'repeated.csv': table(0, 10, ([text, label]) => [text.replace(/<\/?b>/g, '').replace('films', 'film'), label]),
    'columns.csv': table(0, 60).replace('text', 'review'),
    'three.csv': `text,label\n${Array.from({ length: 60 }, (_, i) => `word${i % 3} number ${i},kind${i % 3}`).join('\n')}\n`,
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const data = ['--data', 'first.csv', '--data', 'second.csv', '--test', 'test.csv']
  const trained = await json([
    'train',
    ...data,
    '--prepare',
    'stem,normalise',
    '--language',
    'en',
    '--out',
    'model',
    ...TRAIN,
  ])
  expect(trained).toMatchObject({ train: 120, test: 40, n: 40, preparation: { steps: ['normalise', 'stem'] } })
  expect(trained.confusion.flat().reduce((a: number, b: number) => a + b)).toBe(40)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('a model trained on prepared texts', () => {
  it('says so in its config.json, and so do those made from it', async () => {
    expect(await preparationOfModel('model')).toEqual(PREPARED)
    expect((await run(['compress', 'model', '--recipe', 'q8', '--out', 'small'])).code).toBe(0)
    expect(await preparationOfModel('small')).toEqual(PREPARED)
    const student = ['distil', 'model', '--student', '1x32', '--data', 'first.csv', '--out', 'student', ...TRAIN]
    expect((await run(student)).code).toBe(0)
    expect(await preparationOfModel('student')).toEqual(PREPARED)
  })
  it('prepares what it classifies', async () => {
    const { stdout } = await run(['classify', 'model'], '<p>The films, loved&excl;</p>\nthe film, love!\n')
    const [marked, plain] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string; score: number })
    expect(marked.score).toBe(plain.score)
    expect(marked.text).toBe('<p>The films, loved&excl;</p>')
  })
  it('prepares what it is evaluated on, unless told otherwise', async () => {
    const data = ['evaluate', 'model', '--data', 'test.csv,second.csv']
    const own = await json(data)
    expect(own).toMatchObject({ n: 100, preparation: { steps: ['normalise', 'stem'], language: 'en' } })
    const none = await json([...data, '--prepare', 'none'])
    expect(none.preparation).toEqual({ steps: [], language: 'auto' })
  })
})

describe('train', () => {
  it('leaves out training texts that are test texts once both are prepared', async () => {
    const args = ['train', '--data', 'first.csv', '--test', 'repeated.csv', '--out', 'apart', ...TRAIN]
    expect((await json(args)).train).toBe(60)
    const prepared = await json([...args, '--prepare', 'normalise,stopwords,stem'])
    expect(prepared.train).toBe(50)
    expect(prepared.stderr).toMatch(/10 of 60 training texts are also in the test part: removed/)
  })
  it('starts from random weights of the size asked for, and from a model of other labels with a new classifier', async () => {
    await json(['train', '--data', 'three.csv', '--size', '1x64', '--out', 'narrow', ...TRAIN])
    const config = JSON.parse(await readFile(join(folder, 'narrow', 'config.json'), 'utf8'))
    expect(config).toMatchObject({ num_hidden_layers: 1, hidden_size: 64, num_attention_heads: 2 })
    expect(Object.keys(config.id2label)).toHaveLength(3)
    const again = await json(['train', '--data', 'first.csv', '--model', './narrow', '--out', 'two', ...TRAIN])
    expect(again).toMatchObject({ labels: ['negative', 'positive'], bytes: expect.any(Number) })
  })
  it('prints the scores of each of three labels', async () => {
    const { stdout } = await run(['train', '--data', 'three.csv', '--out', 'three', ...TRAIN])
    expect(stdout).toMatch(/^three: [\d.]+ MB, on 12 texts held out:\nF1 .*\(mean of 3 labels\)/)
    expect(stdout).toMatch(/^is \/ said +kind0 +kind1 +kind2$/m)
    expect(stdout).toMatch(/^label +texts +precision +recall +F1\nkind0 +4 /m)
  })
  it('tunes on training texts alone: other test rows change the score, not the choice', async () => {
    const tune = async (test: string) =>
      json(['train', '--data', 'first.csv', '--test', test, '--out', 'tuned', '--tune', '--trials', '2', ...TRAIN])
    const first = await tune('test.csv')
    expect(first.tune.trials).toHaveLength(2)
    expect(first.tune).toMatchObject({ development: 12, scale: 1 })
    const second = await tune('other.csv')
    expect(second.tune).toEqual(first.tune)
    expect(second.confusion).not.toEqual(first.confusion)
  })
  it('prints the trials and the choice', async () => {
    const { stdout } = await run([
      'train',
      '--data',
      'first.csv',
      '--out',
      'tuned',
      '--tune',
      '--trials',
      '2',
      ...TRAIN,
    ])
    expect(stdout).toMatch(
      /^setting +learning rate +epochs +dropout +batch +of its epochs +F1 +loss\n1 +0\.0005 +2 +0\.1 +32 +100 %/,
    )
    expect(stdout).toMatch(/^chosen: learning rate [\d.]+, [\d.]+ epochs, dropout [\d.]+, batch \d+$/m)
  })
})

describe('study', () => {
  it('prepares for every model of its table', async () => {
    const options = ['--quick', '--minutes', '0.2', '--devices', 'cpu', '--variants', 'baseline,student,q8']
    const results = await json([
      'study',
      '--data',
      'first.csv,second.csv',
      ...options,
      '--prepare',
      'normalise',
      '--out',
      'study',
    ])
    const expected = { steps: ['normalise'], language: 'auto' }
    expect(results.settings.preparation).toEqual(expected)
    for (const { folder: of } of results.rows)
      expect(await preparationOfModel(join('study', of))).toEqual({ version: 1, ...expected })
  })
})

describe('usage', () => {
  it.each([
    [
      ['train', '--data', 'first.csv', '--out', 'x', '--prepare', 'lemmatise'],
      2,
      /--prepare.*Expected none, or steps of normalise,stopwords,stem/s,
    ],
    [
      ['train', '--data', 'first.csv', '--out', 'x', '--language', 'ru'],
      2,
      /--language is that of --prepare; give steps too/,
    ],
    [
      ['evaluate', 'model', '--data', 'first.csv', '--prepare', 'stem', '--language', 'de'],
      2,
      /--language.*auto, ru, en/s,
    ],
    [['train', '--data', 'first.csv', '--out', 'x', '--trials', '3'], 2, /give --tune too/],
    [
      ['train', '--data', 'first.csv,columns.csv', '--out', 'x'],
      1,
      /columns\.csv: text 'review' and label 'label', expected text 'text'/,
    ],
  ] as const)('%j ends with code %i', async (args, code, words) => {
    const ended = await run([...args])
    expect(ended.stderr).toMatch(words)
    expect(ended.code).toBe(code)
    expect(ended.stdout).toBe('')
  })
})
