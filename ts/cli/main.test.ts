// The command line from outside: usage, what it refuses, and what it does with a model as it is.

import { spawn } from 'node:child_process'
import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { expectSentence, MAIN, makePlace } from '../../testing/command-line.ts'

const { folder, model, run, remove } = await makePlace()
afterAll(remove)

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
    [['compress', 'model', '--budget', '5MB', '--out', 'x'], /of a classifier with labels.*--data FILE/],
    [['compress', 'model', '--budget', '5', '--data', 'data.csv', '--out', 'x'], /--budget.*5MB, 3ms/s],
    [['compress', 'model', '--max-loss', '100%', '--data', 'data.csv', '--out', 'x'], /--max-loss.*such as 1%/s],
    [['compress', 'model', '--budget', '5MB', '--fastest', '--data', 'data.csv', '--out', 'x'], /--max-loss/],
    [
      ['distil', 'model', '--data', 'data.csv', '--out', 'x', '--student', '0x64'],
      /--student 0x64: expected layers x width/,
    ],
    [['train', '--data', 'data.csv', '--out', 'x', '--size', '2x33'], /--size 2x33: expected layers x width/],
    [['train', '--data', 'data.csv', '--out', 'x', '--size', '2x32', '--model', 'model'], /--model has a size/],
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
    expectSentence(await run(['classify', place]), /there is no tokenizer: none of tokenizer\.json, vocab\.txt/)
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
    const [first, second] = ended.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(first).toMatchObject({ text: 'a', label: expect.any(String) })
    expect(second.error).toMatch(/line 2 is not JSON/)
  })
})

describe('classify', () => {
  it('lists labels where asked, and all of a model whose labels do not compete', async () => {
    const ask = async (...args: string[]) => {
      const { stdout } = await run(['classify', ...args], { input: 'good film\n' })
      return JSON.parse(stdout)
    }
    expect((await ask('model')).labels).toBeUndefined()
    const two = await ask('model', '--top-k', '2')
    expect(two.labels).toHaveLength(2)
    expect(two.labels[0]).toEqual({ label: two.label, score: two.score })
    expect((await ask('model', '--threshold', '0.5')).labels).toEqual(two.labels.slice(0, 1))
    await cp(model, join(folder, 'multi'), { recursive: true })
    const file = join(folder, 'multi', 'config.json')
    const config = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify({ ...config, problem_type: 'multi_label_classification' }))
    expect((await ask('multi')).labels).toHaveLength(2)
    expect((await ask('multi', '--threshold', '1')).labels).toEqual([])
  })
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
  it('sets two classifiers beside each other', async () => {
    const { stdout, code } = await run(['evaluate', 'model', '--against', 'model', '--data', 'data.csv'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^model: macro F1 .* less that 0\.0000 \[0\.0000, 0\.0000\], paired: no difference shown$/m)
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
