// The command line from outside: each test starts it as a user would.

import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomModel } from '../model/preset.ts'
import { saveModel } from '../model/save.ts'
import { tokenizerFromVocabulary } from '../text/tokenizer.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film', 'a', 'very', '!']

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Starts the command in `folder` and waits for its end. */
function run(args: string[], options: { input?: string; env?: Record<string, string> } = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { ...process.env, ...options.env } })
    const ended: Ended = { code: null, stdout: '', stderr: '' }
    child.stdout.on('data', (piece) => (ended.stdout += piece))
    child.stderr.on('data', (piece) => (ended.stderr += piece))
    child.on('error', reject)
    child.on('close', (code) => resolve({ ...ended, code }))
    child.stdin.end(options.input ?? '')
  })
}

/** One sentence for people: the program's name, no stack. */
function expectSentence({ code, stderr, stdout }: Ended, words: RegExp, expectedCode = 1): void {
  expect(stderr).toMatch(words)
  expect(code).toBe(expectedCode)
  expect(stdout).toBe('')
  expect(stderr).not.toMatch(/\n\s+at /)
}

let folder = ''
let model = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'))
  model = join(folder, 'model')
  const tokenizer = tokenizerFromVocabulary(WORDS, { lowercase: true })
  const weights = randomModel(
    {
      vocabSize: WORDS.length,
      hiddenSize: 32,
      layers: 1,
      heads: 2,
      intermediateSize: 64,
      maxPositions: 12,
      typeVocabSize: 2,
      layerNormEpsilon: 1e-12,
      labels: ['negative', 'positive'],
      recipe: '',
      lowercase: true,
    },
    3,
  )
  // larger than BERT's own start, so that classes differ from text to text
  for (const linear of [weights.classifier!, weights.pooler!])
    if (linear.weight.kind === 'f32') linear.weight.data.forEach((w, i, all) => (all[i] = w * 40))
  await saveModel(weights, model, {
    files: Object.fromEntries(tokenizer.files().map(({ name, content }) => [name, content])),
  })
  await writeFile(
    join(folder, 'data.csv'),
    `text,label\n${Array.from({ length: 60 }, (_, i) => (i % 2 ? `a very good film ${i},positive` : `a bad film ${i},negative`)).join('\n')}\n`,
  )
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A copy of the model with its header (JSON) and bytes changed. */
async function damaged(
  name: string,
  change: (header: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>, data: Buffer) => Buffer,
): Promise<string> {
  const place = join(folder, name)
  await cp(model, place, { recursive: true })
  const file = join(place, 'model.safetensors')
  const bytes = await readFile(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString())
  const data = change(header, Buffer.from(bytes.subarray(8 + length)))
  const json = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(json.length))
  await writeFile(file, Buffer.concat([prefix, json, data]))
  return place
}

describe('usage', () => {
  it.each([
    [['study', '--threads', '0'], /--threads.*whole number from 1/s],
    [['study', '--devices', 'tpu'], /--devices.*cpu, gpu or cpu,gpu/s],
    [['study', '--minutes', '-1'], /--minutes.*above 0/s],
    [['study', '--seed', '1.5'], /--seed.*whole number/s],
    [['evaluate', 'model', '--data', 'data.csv', '--device', 'npu'], /--device.*cpu, gpu/s],
    [['evaluate', 'model'], /--data/],
    [['compress', 'model', '--recipe', 'q8'], /--out/],
    [['compress', 'model', '--recipe', 'vocab', '--out', 'x'], /--data FILE/],
    [['compress', 'model', '--out', 'x'], /exactly one of --recipe, --budget and --max-loss/],
    [['compress', 'model', '--recipe', 'q8', '--budget', '5MB', '--out', 'x'], /exactly one of/],
    [['compress', 'model', '--recipe', 'q8', '--out', 'x', '--fastest'], /--fastest goes with --budget or --max-loss/],
    [['compress', 'model', '--recipe', 'q8', '--out', 'x', '--ledger', 'l'], /--ledger goes with --budget/],
    [['compress', 'model', '--recipe', 'q8', '--out', 'x', '--tokens', '9'], /--tokens goes with --budget/],
    [['compress', 'model', '--recipe', 'q8', '--out', 'x', '--device', 'cpu'], /--device goes with --budget/],
    [['compress', 'model', '--budget', '5MB', '--out', 'x'], /texts with labels.*--data FILE/],
    [['compress', 'model', '--budget', '5', '--data', 'data.csv', '--out', 'x'], /--budget.*5MB, 3ms/s],
    [['compress', 'model', '--max-loss', '100%', '--data', 'data.csv', '--out', 'x'], /--max-loss.*such as 1%/s],
    [['compress', 'model', '--budget', '5MB', '--fastest', '--data', 'data.csv', '--out', 'x'], /--max-loss/],
    [
      ['distil', 'model', '--data', 'data.csv', '--out', 'x', '--student', '0x64'],
      /--student 0x64: expected layers x width/,
    ],
    [['fly'], /unknown command 'fly'/],
  ])('%j ends with code 2 and says what was expected', async (args, words) => {
    expectSentence(await run(args), words, 2)
  })

  it('shows help with code 0', async () => {
    const { code, stdout } = await run(['--help'])
    expect(code).toBe(0)
    for (const verb of [
      'study',
      'train',
      'distil',
      'compress',
      'evaluate',
      'classify',
      'inspect',
      'export-onnx',
      'info',
      'bench',
    ])
      expect(stdout).toContain(`\n  ${verb}`)
  })
})

describe('damaged models are refused with the tensor and the cure', () => {
  it('a folder that is not there', async () => {
    expectSentence(await run(['classify', './nowhere/model']), /there is no folder '\.\/nowhere\/model'/)
  })
  it('a truncated file', async () => {
    const place = await damaged('truncated', (_, data) => data.subarray(0, data.length - 100))
    expectSentence(await run(['classify', place], { input: 'good\n' }), /truncated/)
  })
  it('a wrong shape', async () => {
    const place = await damaged('shape', (header, data) => {
      const entry = header['classifier.weight']
      entry.shape = [entry.shape[1], entry.shape[0]]
      return data
    })
    expectSentence(await run(['classify', place]), /'classifier\.weight' is F32 \[32, 2\], expected F32 \[2, 32\]/)
  })
  it('a wrong type', async () => {
    const place = await damaged('type', (header, data) => {
      header['classifier.weight'].dtype = 'I32'
      return data
    })
    expectSentence(await run(['classify', place]), /'classifier\.weight' is I32/)
  })
  it('offsets past the end', async () => {
    const place = await damaged('offsets', (header, data) => {
      const [begin] = header['classifier.weight'].data_offsets
      header['classifier.weight'].data_offsets = [begin + 1e9, begin + 1e9 + 256]
      return data
    })
    expectSentence(await run(['classify', place]), /'classifier\.weight' ends at byte/)
  })
  it('weights that are no numbers', async () => {
    const place = await damaged('nan', (header, data) => {
      data.writeFloatLE(NaN, header['classifier.weight'].data_offsets[0] + 8)
      return data
    })
    expectSentence(
      await run(['classify', place]),
      /'classifier\.weight' holds NaN at element 2; weights must be finite/,
    )
  })
  it('no tokenizer, no classifier', async () => {
    const place = join(folder, 'bare')
    await mkdir(place)
    for (const name of ['config.json', 'model.safetensors']) await cp(join(model, name), join(place, name))
    expectSentence(await run(['classify', place]), /neither tokenizer\.json nor vocab\.txt/)
    expectSentence(
      await run(['classify', 'preset:tiny']),
      /preset:tiny is a shape with random weights and no tokenizer/,
    )
  })
})

describe('data that cannot be used', () => {
  it.each([
    ['empty.csv', '', /empty\.csv: it is empty/],
    ['one-class.csv', 'text,label\n' + 'a good film,positive\n'.repeat(40), /one class|two classes/],
  ])('%s', async (name, content, words) => {
    await writeFile(join(folder, name), content)
    expectSentence(await run(['train', '--data', name, '--out', 'never']), words)
    const study = await run(['study', '--data', name, '--devices', 'cpu', '--out', 'never'])
    expect(study.code).toBe(1)
    expect(study.stderr).toMatch(words)
    expect(await readdir(folder)).not.toContain('never')
  })
  it('a file that is not there, a column that is not there', async () => {
    expectSentence(await run(['evaluate', 'model', '--data', 'missing.csv']), /missing\.csv/)
    expectSentence(await run(['evaluate', 'model', '--data', 'data.csv', '--text', 'words']), /words/)
  })
  it('stdin that is not JSONL', async () => {
    const ended = await run(['classify', 'model', '--input', 'jsonl'], { input: '{"text":"a"}\nplain\n' })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/line 2 is not JSON/)
  })
})

describe('compress and inspect', () => {
  it('names the steps there are for an unknown one, and leaves nothing', async () => {
    expectSentence(
      await run(['compress', 'model', '--recipe', 'q9', '--out', 'q9']),
      /unknown step 'q9'.*q8.*sp<NN>x4/s,
    )
    expect(await readdir(folder)).not.toContain('q9')
  })
  it('writes a model that loads again, with the bytes its ledger says', async () => {
    const made = await run(['compress', 'model', '--recipe', 'q8+e8', '--out', 'q8e8', '--json'])
    expect(made.stderr).not.toMatch(/compact-kernels:/)
    const { bytes } = JSON.parse(made.stdout)
    const size = (await stat(join(folder, 'q8e8', 'model.safetensors'))).size
    expect(bytes).toBe(size)
    const ledger = JSON.parse((await run(['inspect', 'q8e8', '--json'])).stdout)
    expect(ledger.bytes).toBe(size)
    expect(ledger.groups.reduce((sum: number, group: { bytes: number }) => sum + group.bytes, 0)).toBe(size)
    expect(size).toBeLessThan((await stat(join(model, 'model.safetensors'))).size / 2)
  })
  it('cuts the vocabulary to the texts', async () => {
    const made = await run(['compress', 'model', '--recipe', 'vocab', '--data', 'data.csv', '--out', 'vocab', '--json'])
    expect(made.code).toBe(0)
    const kept = (await readFile(join(folder, 'vocab', 'vocab.txt'), 'utf8')).trim().split('\n')
    expect(kept).toContain('film')
    const ask = async (name: string) =>
      (await run(['classify', name], { input: 'a very good film\na bad film\n' })).stdout
    expect(await ask('vocab')).toBe(await ask('model'))
  })
  it('fits factors to texts, and says that it needs them', async () => {
    const [recipe, out] = ['wsvd:0.25', 'wsvd']
    expectSentence(await run(['compress', 'model', '--recipe', recipe, '--out', out]), /wsvd:0\.25 .*--data FILE/, 2)
    const made = await run(['compress', 'model', '--recipe', recipe, '--data', 'data.csv', '--out', out, '--json'])
    expect(made.code).toBe(0)
    expect(JSON.parse(made.stdout).notes.join()).toMatch(/wsvd: .*error of the outputs .*biases corrected/)
    expect((await run(['classify', out], { input: 'a very good film\n' })).code).toBe(0)
  })
  it("gives the study's ten sizes with their recipes", async () => {
    const { stdout } = await run(['inspect', '--study'])
    expect(stdout).toMatch(/^tucker\+e8 +109 +109\.09 +\+0\.1 % +110\.05 +tucker:136\+e8/m)
    expect(stdout.trim().split('\n')).toHaveLength(11)
    expectSentence(await run(['inspect', 'model', '--study']), /--study .*give no model/, 2)
    expectSentence(await run(['inspect']), /which model/, 2)
  })
  it('counts a preset under a recipe without making it', async () => {
    const { stdout } = await run(['inspect', 'preset:mbert', '--recipe', 'q8', '--json'])
    expect(JSON.parse(stdout).bytes / 1e6).toBeCloseTo(454.8, 0)
    for (const [recipe, line] of [
      ['q8', 'all but scales  454.842'],
      ['q8+e8', 'all but scales  179.406'],
    ])
      expect((await run(['inspect', 'preset:mbert', '--recipe', recipe])).stdout).toContain(line)
    expect((await run(['inspect', 'preset:mbert'])).stdout).toMatch(/^all +711\.420/m)
  })
})

describe('compress by a budget', () => {
  const compress = (...args: string[]): Promise<Ended> =>
    run(['compress', 'model', '--data', 'data.csv', '--threads', '1', ...args])

  it('of bytes: the file keeps it, the ledger adds up to the file, inspect says the same', async () => {
    const made = await compress('--budget', '14kB', '--out', 'small', '--ledger', 'ledger.json', '--json')
    expect(made.stderr).not.toMatch(/compact-kernels:/)
    const ledger = JSON.parse(made.stdout)
    expect(JSON.parse(await readFile(join(folder, 'ledger.json'), 'utf8'))).toEqual(ledger)
    const size = (await stat(join(folder, 'small', 'model.safetensors'))).size
    expect(size).toBeLessThanOrEqual(14_000)
    expect([ledger.written, ledger.bytes.after]).toEqual([size, size])
    const layers: { bytesAfter: number; method: string }[] = ledger.layers
    expect(layers.reduce((sum, { bytesAfter }) => sum + bytesAfter, ledger.rest.bytesAfter)).toBe(size)
    expect(layers.some(({ method }) => method !== 'f32')).toBe(true)
    expect(JSON.parse((await run(['inspect', 'small', '--json'])).stdout).bytes).toBe(size)
    const config = JSON.parse(await readFile(join(folder, 'small', 'config.json'), 'utf8'))
    expect(config.compression.recipe).toBe('budget:14kB')
    // it runs, and is not compressed again by accident
    expect((await run(['classify', 'small'], { input: 'a bad film\n' })).code).toBe(0)
    expectSentence(await run(['compress', 'small', '--recipe', 'q8', '--out', 'x']), /'q8' after 'budget:14kB'/)
  })

  it('of time and of loss: a table for people', async () => {
    for (const [goal, words] of [
      [['--budget', '1000ms'], /^all .*\n.* MB, was .* MB\n.* ms a text of 12 tokens \(estimated /m],
      [['--max-loss', '50%', '--fastest'], /F1 0\.\d+ \[.*\], was .*, on 24 texts held out/],
    ] as const) {
      const { code, stdout, stderr } = await compress(...goal, '--out', 'other')
      expect(stderr).toMatch(/24 texts to measure F1 with are few/)
      expect(code).toBe(0)
      expect(stdout).toMatch(/^embeddings\.word_embeddings +(f32|e8) /m)
      expect(stdout).toMatch(/^0\.attention\.self\.query +\S+ +4\.1 /m)
      expect(stdout).toMatch(words)
    }
  })

  it('says what can be reached, and leaves nothing', async () => {
    const ended = await compress('--budget', '2kB', '--out', 'never')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/budget:2kB: the least that this model can be brought to is 0\.0\d\d MB/)
    expect(await readdir(folder)).not.toContain('never')
  })
})

describe('classify', () => {
  it('keeps order and the other fields, one answer a line', async () => {
    const input = Array.from({ length: 100 }, (_, i) =>
      JSON.stringify({ id: i, text: i % 3 ? 'good film' : 'bad' }),
    ).join('\n')
    const { code, stdout } = await run(['classify', 'model', '--batch', '7'], { input })
    expect(code).toBe(0)
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    for (const { label, score } of answers) {
      expect(['negative', 'positive']).toContain(label)
      expect(score).toBeGreaterThanOrEqual(0.5)
    }
    // the same text gets the same answer whatever batch it is in
    expect(new Set(answers.map(({ text, label, score }) => `${text} ${label} ${score}`)).size).toBe(2)
  })
  it('says on stderr that a long text lost its end', async () => {
    const { code, stdout, stderr } = await run(['classify', 'model'], { input: `${'good '.repeat(50)}\ngood\n` })
    expect(code).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(2)
    expect(stderr).toMatch(/1 texts are longer than the model's 12 positions and lost their end/)
  })
  it('ends quietly where the reader has seen enough', async () => {
    const child = spawn(
      'bash',
      [
        '-c',
        `yes 'good film' | "$0" "$1" classify model | head -n 2; echo "\${PIPESTATUS[1]}"`,
        process.execPath,
        MAIN,
      ],
      {
        cwd: folder,
      },
    )
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (piece) => (stdout += piece))
    child.stderr.on('data', (piece) => (stderr += piece))
    await new Promise((resolve) => child.on('close', resolve))
    expect(stdout.trim().split('\n')).toHaveLength(3)
    expect(stdout.trim().split('\n')[2]).toBe('0')
    expect(stderr).toBe('')
  })
})

describe('evaluate, export-onnx, info', () => {
  it('scores every row, with an interval', async () => {
    const { stdout, code } = await run(['evaluate', 'model', '--data', 'data.csv', '--json'])
    expect(code).toBe(0)
    const result = JSON.parse(stdout)
    expect(result.n).toBe(60)
    expect(result.confusion.flat().reduce((a: number, b: number) => a + b)).toBe(60)
    expect(result.f1Low).toBeLessThanOrEqual(result.f1)
    expect(result.f1High).toBeGreaterThanOrEqual(result.f1)
  })
  it('writes ONNX whole or not at all', async () => {
    const { code } = await run(['export-onnx', 'model', '--out', 'model.onnx'])
    expect(code).toBe(0)
    expect((await stat(join(folder, 'model.onnx'))).size).toBeGreaterThan(10_000)
    const refused = await run(['export-onnx', 'model', '--out', 'data.csv/model.onnx'])
    expect(refused.code).toBe(1)
    expect((await readdir(folder)).filter((name) => name.includes('tmp'))).toEqual([])
  })
  it('says clearly that there is no GPU, where one was asked for', async () => {
    const env = { VK_ICD_FILENAMES: '/nowhere/driver.json', VK_DRIVER_FILES: '' }
    const asked = ['evaluate', 'model', '--data', 'data.csv', '--device', 'gpu']
    const ended = await run(asked, { env })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/no GPU can be used here: .*choose the CPU instead/)
    const study = await run(['study', '--data', 'data.csv', '--devices', 'gpu', '--out', 'no-gpu'], { env })
    expect(study.code).toBe(1)
    expect(study.stderr).toMatch(/no GPU can be used here: .*choose the CPU instead/)
    const { noGpu, gpu } = JSON.parse((await run(['info', '--json'], { env })).stdout)
    expect(gpu).toBeNull()
    expect(noGpu).toMatch(/no adapter found/)
  })
  it('tells the devices', async () => {
    const { stdout, code } = await run(['info', '--json'])
    expect(code).toBe(0)
    const { cpu, gpu, noGpu } = JSON.parse(stdout)
    expect(cpu.name).toMatch(/wasm/)
    expect(gpu !== null || typeof noGpu === 'string').toBe(true)
  })
})
