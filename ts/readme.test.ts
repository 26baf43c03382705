import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadModel } from './model/load.ts'
import { saveModel } from './model/save.ts'
import { learnVocabulary } from './text/vocabulary.ts'

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'readme-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// the examples' own model: random weights, a vocabulary of a few words
beforeAll(async () => {
  const { weights } = await loadModel('preset:tiny', { seed: 1 })
  const words = learnVocabulary(['the lamp is not bad at all', 'one text and another'], 100, { lowercase: true })
  const config = { ...weights.config, vocabSize: words.length }
  const { word } = weights.embeddings
  const data = (word.data as Float32Array).slice(0, words.length * word.width)
  const embeddings = {
    ...weights.embeddings,
    word: { kind: 'f32' as const, rows: words.length, width: word.width, data },
  }
  await saveModel({ ...weights, config, embeddings }, join(folder, 'my-model'), {
    files: { 'vocab.txt': words.join('\n') },
  })
})

/** The sources behind the package's own name, so that the examples run as they stand. */
const MODULES: Record<string, string> = {
  'compact-kernels': 'ts/index.ts',
  'compact-kernels/wasm': 'ts/wasm.ts',
  'compact-kernels/webgpu': 'ts/webgpu.ts',
  'compact-kernels/compress': 'ts/compress.ts',
  'compact-kernels/train': 'ts/train.ts',
  'compact-kernels/evaluation': 'ts/evaluation.ts',
  'compact-kernels/study': 'ts/study.ts',
}

const examples = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
  (match) => match[1],
)

it('has examples', () => expect(examples.length).toBeGreaterThanOrEqual(4))

it.each(examples.map((code, i) => ({ code, name: `${i + 1}: ${code.split('\n')[0]}` })))(
  'example $name',
  ({ code, name }) => {
    const file = join(folder, `example-${name[0]}.ts`)
    writeFileSync(
      file,
      code.replace(
        /from '([^']+)'/g,
        (_, module: string) => `from '${pathToFileURL(join(root, MODULES[module])).href}'`,
      ),
    )
    const output = execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' })
    if (code.includes('dims')) expect(output).toContain('[ 2, 128 ] 256')
    else if (code.includes('int8Matmul')) expect(output.trim()).toBe('6')
    else if (code.includes('classify')) expect(output).toMatch(/label: .*score: 0\.\d+/s)
    else expect(output).toMatch(/\[[\s\S]*\]/)
  },
)

/** The compress commands of the README, which follow a model that `train` has made of reviews.csv. */
const commands = [
  ...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^npm run compress -- (my-.*?)(?: {4}#.*)?$/gm),
].map((match) => match[1])

it('has commands that compress', () => expect(commands.length).toBeGreaterThanOrEqual(4))

const shop = mkdtempSync(join(tmpdir(), 'readme-commands-'))
afterAll(() => rmSync(shop, { recursive: true, force: true }))
const cli = (args: string): string =>
  execFileSync(process.execPath, [join(root, 'ts/cli/main.ts'), ...args.split(' '), '--threads', '1'], {
    cwd: shop,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })

beforeAll(() => {
  const [good, bad] = ['good loved great fine', 'bad hated poor awful'].map((words) => words.split(' '))
  const rows = Array.from({ length: 240 }, (_, i) => `the ${(i % 3 ? bad : good)[i % 4]} film ${i},${i % 3 ? 1 : 5}\n`)
  writeFileSync(join(shop, 'reviews.csv'), `body,stars\n${rows.join('')}`)
  const columns = '--data reviews.csv --text body --label stars'
  cli(`train ${columns} --size 1x64 --epochs 10 --learning-rate 0.002 --out my-model`)
})

it.each(commands)('compress %s ends with a model that tells classes apart', (command) => {
  const said = cli(`compress ${command}`)
  const [, after, before] = /F1 ([\d.]+).*?, was ([\d.]+)/.exec(said)!.map(Number)
  expect(before).toBeGreaterThan(0.95)
  expect(after).toBeGreaterThan(0.9)
})
