// Inputs without end: patterns that backtrack, words of millions of letters, pipes that no one writes to, devices, and
// an output that takes nothing.

import { execFileSync, spawn } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBounded } from '../../ts/io/folder.node.ts'
import { parseConfig } from '../../ts/model/config-json.ts'
import { loadModel } from '../../ts/model/load.ts'
import { saveModel } from '../../ts/model/save.ts'
import { checkPatterns, longRunOf } from '../../ts/text/bounds.ts'
import { tokenizerFromVocabulary } from '../../ts/text/bare-vocabulary.ts'
import { tokenizerFromJson } from '../../ts/text/tokenizer.ts'
import { syntheticModel } from '../models.ts'

const MAIN = join(import.meta.dirname, '../../ts/cli/main.ts')
const WRITING = join(import.meta.dirname, '../../ts/io/write.node.ts')
const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a', 'b']

let root: string
let model: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bounds-'))
  model = join(root, 'model')
  await saveModel(syntheticModel('f32'), model, { files: { 'vocab.txt': VOCABULARY.join('\n') } })
})
afterAll(() => rm(root, { recursive: true }))

const pipe = (name: string): string => {
  execFileSync('mkfifo', [join(root, name)])
  return join(root, name)
}

describe('patterns of a tokenizer', () => {
  const withPattern = (pattern: string) => ({ pre_tokenizer: { type: 'Split', pattern: { Regex: pattern } } })

  it.each(['(a+)+$', '(a|a)*b', '(?:\\s*x)+', '((a{2,}))*', '(a*b?|c)+', '(?<w>[ab]+,)*'])('%s is refused', (pattern) =>
    expect(() => checkPatterns(withPattern(pattern))).toThrow(
      /pre_tokenizer: pattern: the pattern .* would run for ever/,
    ),
  )

  it.each([
    // GPT-2, cl100k, o200k, Llama 3, CLIP
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}",
    "<\\|startoftext\\|>|'s|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
    '[+(*]+\\(+\\)*',
    '[(+)*]x',
    '(ab)+c?',
  ])('%s is taken', (pattern) => expect(() => checkPatterns(withPattern(pattern))).not.toThrow())
})

describe('texts without end', () => {
  const tokenizer = tokenizerFromVocabulary(VOCABULARY, { lowercase: true })

  it('are refused at once, and long ones of words are not', () => {
    expect(() => tokenizer.encode('a'.repeat(2e6), 16)).toThrow(/has more than 1000000 characters without a space/)
    expect(() => tokenizer.encodePair('a', ' '.repeat(2e6), 16)).toThrow(/characters of white space from character 0/)
    expect(tokenizer.encode('a b '.repeat(3e5), 16)).toHaveLength(16)
    expect(longRunOf('a'.repeat(50_000))).toBeNull()
    expect(longRunOf(`b ${'a'.repeat(50_001)}`)).toContain('from character 2')
  })
})

describe('JSON whose lists lie in one another without end', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`

  it('is refused in a tokenizer and in a configuration', async () => {
    const model = { type: 'WordPiece', vocab: { a: 0 }, unk_token: 'a' }
    const normalizer = { type: 'Lowercase', own: JSON.parse(deep) as unknown }
    expect(() => tokenizerFromJson({ model, normalizer })).toThrow(/tokenizer\.json: .* more than 500 levels/)
    const config = `{"model_type": "bert", "own": ${deep}}`
    await expect(parseConfig(config, 'config.json')).rejects.toThrow(/config\.json: .* more than 500 levels/)
  })

  it('is a line that cannot be read, and the others have their answers', async () => {
    const lines = ['{"text": "a"}', `{"text": "a", "own": ${deep}}`, '{"text": "b", "own": [[1]]}']
    const child = spawn(process.execPath, [MAIN, 'classify', model, '--threads', '1'])
    let answers = ''
    child.stdout.on('data', (piece: Buffer) => (answers += piece.toString()))
    child.stdin.end(`${lines.join('\n')}\n`)
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(1)
    const [first, bad, last] = answers.split('\n').map((line) => JSON.parse(line || 'null') as object)
    expect(first).toMatchObject({ text: 'a', label: expect.any(String) as string })
    expect(bad).toMatchObject({ error: expect.stringContaining('more than 500 levels') as string })
    expect(last).toMatchObject({ text: 'b', own: [[1]] })
  })
})

describe('pipes and devices', () => {
  it('are no files of a model', async () => {
    const folder = join(root, 'piped')
    await cp(model, folder, { recursive: true })
    await rm(join(folder, 'model.safetensors'))
    execFileSync('mkfifo', [join(folder, 'model.safetensors')])
    await expect(loadModel(folder)).rejects.toThrow(/model\.safetensors is a pipe or a device, expected a file/)
    await rm(join(folder, 'vocab.txt'))
    execFileSync('mkfifo', [join(folder, 'vocab.txt')])
    await expect(loadModel(folder)).rejects.toThrow(/vocab\.txt is a pipe or a device, expected a file/)
  })

  it('are read as data up to a bound', async () => {
    await expect(readBounded('/dev/zero', 1e6)).rejects.toThrow('it is a device, expected a file')
    const endless = pipe('endless')
    const writer = spawn('sh', ['-c', `cat /dev/zero > ${endless}`])
    await expect(readBounded(endless, 1e6)).rejects.toThrow('it has more than 1 MB, expected at most 1;')
    writer.kill()
    const whole = pipe('whole')
    spawn('sh', ['-c', `printf abc > ${whole}`])
    expect(new TextDecoder().decode(await readBounded(whole, 1e6))).toBe('abc')
  })
})

it('a folder that no one can make, of a pseudo file system, is refused', async () => {
  // in a process of its own: Node makes such folders with their parents for ever, on a thread that nothing ends
  const code = `import { makeFolder } from ${JSON.stringify(WRITING)}; await makeFolder(process.argv[1])`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, '/proc/no/model'], { timeout: 60_000 })
  let words = ''
  child.stderr.on('data', (piece: Buffer) => (words += piece.toString()))
  expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(1)
  expect(words).toMatch(/ENOENT: no such file or directory, mkdir '\/proc\/no'/)
})

it('an output that takes nothing is an error in words', async () => {
  const child = spawn('sh', ['-c', `"${process.execPath}" "${MAIN}" inspect "${model}" --json > /dev/full`])
  let words = ''
  child.stderr.on('data', (piece: Buffer) => (words += piece.toString()))
  expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(1)
  expect(words).toMatch(/the output could not be written: the disk is full/)
})
