// `distil`, and training that is stopped and goes on, from outside.

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomModel } from '../model/preset.ts'
import { saveModel } from '../model/save.ts'
import type { ModelWeights } from '../model/weights.ts'
import { filesOf } from '../text/tokenizer-files.ts'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'].flatMap((letter) => [letter, `##${letter}`])
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
const WORDS = [...SPECIAL, ...LETTERS, 'good', 'bad', 'film', 'very', '!', 'unused']

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function run(args: string[], watch: (child: ChildProcess, stderr: string) => void = () => {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder })
    const ended: Ended = { code: null, stdout: '', stderr: '' }
    child.stdout.on('data', (piece) => (ended.stdout += piece))
    child.stderr.on('data', (piece) => {
      ended.stderr += piece
      watch(child, ended.stderr)
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ ...ended, code }))
  })
}

let folder = ''

/** The model with the weights of its classifier times a factor; its bias is 0. */
function withClassifier(model: ModelWeights, factor: number): ModelWeights {
  const { weight } = model.classifier!
  if (weight.kind !== 'f32') throw new Error(`the classifier is ${weight.kind}, expected f32`)
  const bias = new Float32Array(weight.N)
  return { ...model, classifier: { weight: { ...weight, data: weight.data.map((w) => w * factor) }, bias } }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distil-'))
  const tokenizer = tokenizerFromVocabulary(WORDS, { lowercase: true })
  const shape = { layers: 2, hiddenSize: 64, heads: 2, intermediateSize: 64, maxPositions: 16, typeVocabSize: 2 }
  const labels = ['negative', 'positive']
  const config = { vocabSize: WORDS.length, ...shape, layerNormEpsilon: 1e-12, labels, recipe: '', lowercase: true }
  const files = filesOf(tokenizer)
  const save = (name: string, factor: number, names = labels) =>
    saveModel(withClassifier(randomModel({ ...config, labels: names }, 3), factor), join(folder, name), { files })
  await save('teacher', 1)
  await save('opposite', -1)
  await save('undecided', 0)
  await save('renamed', 1, ['no', 'yes'])
  const rows = Array.from({ length: 60 }, (_, i) =>
    i % 2 ? `a very good film ${i},positive` : `a bad film ${i},negative`,
  )
  await writeFile(join(folder, 'data.csv'), `text,label\n${rows.join('\n')}\n`)
  await writeFile(join(folder, 'more.txt'), 'a very good film 1\nsuch a film\n\nno good\n')
  await writeFile(join(folder, 'more.jsonl'), '{"text":"such a film"}\n"no good"\n')
  await writeFile(join(folder, 'columns.csv'), 'one,two\na,b\n')
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const distil = (out: string, ...more: string[]): string[] => [
  ...['distil', 'teacher', '--data', 'data.csv', '--out', out, '--epochs', '1', '--threads', '1', '--json'],
  ...more,
]
const wordsOf = async (model: string): Promise<string[]> =>
  (await readFile(join(folder, model, 'vocab.txt'), 'utf8')).trim().split('\n')
const weightsOf = (model: string): Promise<Buffer> => readFile(join(folder, model, 'model.safetensors'))
const configOf = async (model: string) => JSON.parse(await readFile(join(folder, model, 'config.json'), 'utf8'))

describe('distil', () => {
  it('starts fresh with words of its own where nothing is said', async () => {
    const { code, stdout } = await run(distil('plain', '--student', '1x32'))
    expect(code).toBe(0)
    const { train, steps } = JSON.parse(stdout)
    expect([train, steps]).toEqual([48, 2])
    expect(await configOf('plain')).toMatchObject({ num_hidden_layers: 1, hidden_size: 32 })
    expect(await wordsOf('plain')).not.toEqual(WORDS)
    expect((await readdir(join(folder, 'plain.training'))).join()).toMatch(/^teacher-logits-[0-9a-f]{16}\.bin$/)
  })

  it('starts from the teacher, and finds its logits again', async () => {
    const first = await run(distil('taken', '--student', '1x64', '--init', 'teacher', '--vocabulary', 'same'))
    expect(first.code).toBe(0)
    expect(first.stderr).toContain("layers 0 of the teacher's 2")
    expect(await wordsOf('taken')).toEqual(WORDS)
    // the heads and the feed-forward are the teacher's, not the size's own
    expect(await configOf('taken')).toMatchObject({ num_attention_heads: 2, intermediate_size: 64 })
    const again = await run(distil('taken', '--student', '1x32', '--init', 'teacher', '--vocabulary', 'task'))
    expect(again.stderr).toContain("the teacher's logits are those of an earlier run")
    expect(again.stderr).toMatch(/tables projected from 64 to 32 dimensions/)
    expect(await wordsOf('taken')).toContain('film')
    expect(await wordsOf('taken')).not.toContain('unused')
    const words = await run(distil('words', '--student', '1x32', '--init', 'teacher', '--vocabulary', '80'))
    expect(words.code).toBe(0)
    expect((await wordsOf('words')).length).toBeLessThanOrEqual(80)
  })

  it('learns the mean of several teachers, who must have the same labels', async () => {
    const student = (out: string, ...teachers: string[]): string[] => [
      ...['distil', ...teachers, '--data', 'data.csv', '--out', out, '--student', '1x32', '--alpha', '0'],
      ...['--epochs', '1', '--threads', '1'],
    ]
    const { code, stderr } = await run(student('of-two', 'teacher', 'opposite'))
    expect(code, stderr).toBe(0)
    for (const name of ['teacher', 'undecided']) expect((await run(student(`of-${name}`, name))).code).toBe(0)
    // logits and their opposites cancel out
    expect((await weightsOf('of-two')).equals(await weightsOf('of-undecided'))).toBe(true)
    expect((await weightsOf('of-two')).equals(await weightsOf('of-teacher'))).toBe(false)
    const refused = await run(student('never', 'teacher', 'renamed'))
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('renamed has the labels no, yes, teacher negative, positive; expected teachers with'),
    ])
  })

  it('takes every term of the loss, and a model to start from', async () => {
    const terms = ['--alpha', '0.3', '--temperature', '4', '--logit-mse', '0.1', '--hidden-weight', '0.5']
    expect((await run(distil('terms', '--student', '1x32', ...terms))).code).toBe(0)
    const { code, stderr } = await run(distil('from', '--student', './terms'))
    expect(stderr).toContain('./terms as it is')
    expect(code).toBe(0)
    expect(await wordsOf('from')).toEqual(await wordsOf('terms'))
  })

  it('trains chains and cut models further; refuses other storage formats before the teacher reads', async () => {
    const compress = (recipe: string, out: string) => run(['compress', 'teacher', '--recipe', recipe, '--out', out])
    const recipeOf = async (model: string) => (await configOf(model)).compression.recipe
    expect((await compress('heads6-ffn1536', 'cut-teacher')).code).toBe(0)
    expect((await compress('svd:8', 'chains')).code).toBe(0)
    const student = await run(distil('student-chains', '--student', './chains'))
    expect(student.stderr).toContain('./chains as it is')
    expect([student.code, await recipeOf('student-chains')]).toEqual([0, 'svd:8'])
    const data = ['--data', 'data.csv', '--epochs', '1', '--threads', '1']
    const trained = await run(['train', '--model', './cut-teacher', '--out', 'cut-trained', ...data])
    expect(trained.stderr).not.toMatch(/compact-kernels:/)
    expect([trained.code, await recipeOf('cut-trained')]).toEqual([0, 'heads6-ffn1536'])
    expect((await compress('q8+e8', 'bytes')).code).toBe(0)
    for (const args of [
      distil('from-bytes', '--student', './bytes'),
      ['train', '--model', './bytes', '--out', 'from-bytes', ...data],
    ]) {
      const { code, stderr } = await run(args)
      expect(stderr).toContain('./bytes (q8+e8) is f32 while it is trained: int8 come from compression')
      expect(code).toBe(0)
      expect((await configOf('from-bytes')).compression).toBeUndefined()
    }
  })

  it('reads texts without labels', async () => {
    const { code, stdout, stderr } = await run(
      distil('more', '--student', '1x32', '--unlabelled', 'more.txt,more.jsonl'),
    )
    expect(code).toBe(0)
    // one of the five stands in the data
    expect(stderr).toContain('1 texts are also in the data: left out')
    expect(JSON.parse(stdout)).toMatchObject({ train: 48, unlabelled: 4 })
    const refused = await run(distil('never', '--unlabelled', 'columns.csv'))
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(
      /columns\.csv: found one, two; expected a column of texts: name it with the option text/,
    )
  })

  it('alters texts; more copies begin with the same ones, whose logits are there', async () => {
    const augment = (n: string) => run(distil('altered', '--student', '1x32', '--augment', n))
    const read = /the teacher reads (\d+) texts/g
    const first = await augment('1')
    expect(first.code).toBe(0)
    expect(first.stderr).toMatch(/48 altered texts, \d+ words with neighbours: the teacher alone says what/)
    expect(JSON.parse(first.stdout)).toMatchObject({ train: 48, unlabelled: 48 })
    expect(first.stderr.match(read)).toHaveLength(2)
    const second = await augment('2')
    expect(second.stderr.match(read)).toHaveLength(1)
    expect(JSON.parse(second.stdout)).toMatchObject({ train: 48, unlabelled: 96 })
  })

  it.each([
    [['--augment', '0'], /a whole number from 1 to 1000/],
    [['--student', './teacher', '--init', 'fresh'], /leave out --init and --vocabulary/],
    [['--hidden-weight', '1', '--vocabulary', '100'], /--hidden-weight compares token by token/],
    [['--vocabulary', 'some'], /same, task, task:N or a number of tokens from 64/],
    [['--alpha', '2'], /a number from 0 to 1/],
    [['--logit-mse', '-1'], /a number, 0 or more/],
  ])('%j ends with code 2', async (more, words) => {
    const { code, stderr } = await run(distil('never', ...more))
    expect(stderr).toMatch(words)
    expect(code).toBe(2)
  })

  it('says how the temperature counts', async () => {
    expect((await run(['distil', '--help'])).stdout.replace(/\s+/g, ' ')).toContain('alpha CE + (1 - alpha) T^2 KL')
  })
})

describe('a training that is stopped', () => {
  const train = (out: string, ...more: string[]): string[] => [
    ...['train', '--data', 'data.csv', '--model', './teacher', '--out', out, '--batch', '8'],
    ...['--epochs', '300', '--threads', '1', ...more],
  ]

  it('goes on where it was, to the same bits', async () => {
    const stopAfter = (ms: number) => {
      let isSent = false
      return run(train('cut'), (child, stderr) => {
        if (isSent || !stderr.includes('training ')) return
        isSent = true
        setTimeout(() => child.kill('SIGINT'), ms)
      })
    }
    // long after the steps that are timed first, long before the last of 1800; a busy machine takes longer to begin
    let cut = await stopAfter(800)
    for (let ms = 3200; cut.stderr.includes('before the first step') && ms < 60_000; ms *= 4) cut = await stopAfter(ms)
    expect(cut.stderr).toMatch(/stopped after step \d+; run it again with the option resume to go on/)
    expect(cut.code).toBe(130)
    expect(await readdir(folder)).not.toContain('cut')
    expect(await readdir(join(folder, 'cut.training'))).toEqual(['checkpoint'])

    const other = await run(train('cut', '--resume', '--seed', '2'))
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(/the checkpoint is of another run: .*seed was 1, now 2/)

    const resumed = await run(train('cut', '--resume'))
    expect(resumed.stderr).toMatch(/going on after step \d+/)
    expect(resumed.code).toBe(0)
    await run(train('whole'))
    expect((await weightsOf('cut')).equals(await weightsOf('whole'))).toBe(true)
    // nothing is left that is not needed
    await expect(stat(join(folder, 'cut.training'))).rejects.toThrow('ENOENT')
  })

  it('says so where there is nothing to go on with', async () => {
    const { code, stderr } = await run(train('new', '--resume', '--epochs', '1'))
    expect(code).toBe(0)
    expect(stderr).toMatch(/there is no checkpoint new\.training.checkpoint: training starts from the beginning/)
    const both = await run(train('new', '--resume', '--tune'))
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('leave one of them out')])
  })
})

describe('distil --task embed', () => {
  const embed = (out: string, ...more: string[]): string[] => [
    ...[
      'distil',
      'embedder',
      '--task',
      'embed',
      '--data',
      'texts.txt',
      '--out',
      out,
      '--epochs',
      '1',
      '--threads',
      '1',
      '--json',
    ],
    ...more,
  ]
  beforeAll(async () => {
    const tokenizer = tokenizerFromVocabulary(WORDS, { lowercase: true })
    const shape = { layers: 2, hiddenSize: 64, heads: 2, intermediateSize: 64, maxPositions: 32, typeVocabSize: 2 }
    const config = {
      vocabSize: WORDS.length,
      ...shape,
      layerNormEpsilon: 1e-12,
      labels: ['a', 'b'],
      recipe: '',
      lowercase: true,
    }
    const pooling = JSON.stringify({ pooling_mode_mean_tokens: true })
    const modules = JSON.stringify([
      { type: 'sentence_transformers.models.Transformer', path: '' },
      { type: 'sentence_transformers.models.Pooling', path: '1_Pooling' },
      { type: 'sentence_transformers.models.Normalize', path: '2_Normalize' },
    ])
    const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
    const beside = {
      'modules.json': bytes(modules),
      '1_Pooling/config.json': bytes(pooling),
      'sentence_bert_config.json': bytes('{ "max_seq_length": 32 }'),
    }
    const model = { ...randomModel(config, 5), classifier: null }
    await saveModel(model, join(folder, 'embedder'), { files: filesOf(tokenizer), beside })
    const words = 'good bad film very a such no'.split(' ')
    const texts = Array.from(
      { length: 160 },
      (_, i) =>
        Array.from({ length: 3 + (i % 5) }, (_, w) => words[(i * 3 + w * (1 + (i % 7))) % 7]).join(' ') + ` ${i}`,
    )
    await writeFile(join(folder, 'texts.txt'), `${texts.join('\n')}\n`)
  })

  it('learns vectors of texts without labels, with words that fit less, and keeps the pooling', async () => {
    const args = [
      '--student',
      '1x64',
      '--init',
      'teacher',
      '--vocabulary',
      'task:62',
      '--tokens',
      '16',
      '--recipe',
      'sp50',
    ]
    const first = await run(embed('vectors', ...args))
    expect(first.stderr).toContain('144 texts to learn from, 16 held out')
    expect(first.stderr).toContain('zeros grown in 60 % of the steps')
    expect(first.code).toBe(0)
    const { texts, neighbours, cosine, overlap } = JSON.parse(first.stdout)
    expect([texts, neighbours]).toEqual([16, 10])
    expect(cosine.mean).toBeGreaterThan(0.5)
    expect(overlap.mean).toBeGreaterThan(0)
    expect(await wordsOf('vectors')).toHaveLength(62)
    const config = await configOf('vectors')
    expect(config).toMatchObject({ num_hidden_layers: 1, max_position_embeddings: 16 })
    expect(JSON.stringify(config)).toContain('sp50')
    expect(await readdir(join(folder, 'vectors'))).toEqual(expect.arrayContaining(['modules.json', '1_Pooling']))
    expect(JSON.parse(await readFile(join(folder, 'vectors', 'sentence_bert_config.json'), 'utf8'))).toEqual({
      max_seq_length: 16,
    })
    // the same student goes on as f32, and the teacher does not read the texts again
    const again = await run(embed('vectors', '--student', 'vectors'))
    expect(again.stderr).toContain('is f32 while it is trained: csr come from compression')
    expect(again.stderr).not.toContain('the teacher reads')
    expect(again.code).toBe(0)
  })

  it('refuses what vectors do not have, in words', async () => {
    const refuse = async (args: string[], words: string): Promise<void> => {
      const { code, stderr } = await run(args)
      expect(stderr).toContain(words)
      expect(code).not.toBe(0)
    }
    await refuse(embed('x', '--alpha', '0.3'), '--alpha is of labels')
    await refuse(embed('x', '--student', '1x32', '--recipe', 'q8'), "'q8' takes nothing out of the layers")
    await refuse(distil('x', '--recipe', 'sp50'), '--recipe is of --task embed')
    await refuse(
      ['distil', 'embedder', '--data', 'data.csv', '--out', 'x'],
      'embedder has no classifier; train one on it first, or learn its vectors: --task embed',
    )
    await writeFile(join(folder, 'few.txt'), 'a\nb\n')
    await refuse(
      ['distil', 'embedder', '--task', 'embed', '--data', 'few.txt', '--out', 'x'],
      'expected at least 11 to score on',
    )
  })
})
