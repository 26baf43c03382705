// Writes testing/compatibility/fixtures: small models in every storage format, and trainings stopped in the middle, as
// commit ecc8806 (2026-11-29) wrote them. The committed fixtures were made by this command, and are not to be made again
// by later code: they show that later code reads what was written then.
//
//   git worktree add /tmp/old ecc8806, npm ci there, npm run generate there, then
//   node testing/compatibility/make.ts /tmp/old
//
// The engine's relaxed SIMD must multiply and add with one rounding (x86 with FMA, ARM): see the test.

import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Package from '../../ts/index.ts'
import type * as Compress from '../../ts/compress.ts'
import type * as Train from '../../ts/train.ts'
import { CONFIG, CORPUS, everything, NARROW, RECIPES, TEXTS, TRAIN_FLAGS, VOCABULARY, type Expected } from './task.ts'

const old = resolve(process.argv[2] ?? '')
const commit = execFileSync('git', ['-C', old, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
if (commit !== 'ecc8806') throw new Error(`${old} is at ${commit}, expected a working tree of ecc8806`)

// computed imports: the code that is called is that of another working tree
const entry = (path: string): Promise<unknown> => import(pathToFileURL(join(old, path)).href)
const { buildProgram, createWasmDevice, loadModel, saveModel, tokenizerFromJson, tokenizerFromVocabulary } =
  (await entry('ts/index.ts')) as typeof Package
const { applyRecipe } = (await entry('ts/compress/index.ts')) as typeof Compress
const { initializeModel, openCheckpoint, trainClassifier } = (await entry('ts/train/index.ts')) as typeof Train

const fixtures = join(import.meta.dirname, 'fixtures')
rmSync(fixtures, { recursive: true, force: true })
mkdirSync(fixtures, { recursive: true })
const data = join(fixtures, 'corpus.csv')
writeFileSync(data, ['text,label', ...CORPUS.map(({ text, label }) => `${text},${label}`), ''].join('\n'))

const cli = (...words: string[]): string =>
  execFileSync(process.execPath, [join(old, 'ts/cli/main.ts'), ...words], { encoding: 'utf8' })

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')

/** Logits of `TEXTS`, one row each, of a folder on one thread without relaxed SIMD: alike on every machine. */
async function logitsOf(folder: string): Promise<number[][]> {
  const { weights, tokenizerFiles } = await loadModel(folder)
  const json = (name: string): object => JSON.parse(tokenizerFiles[name]) as object
  const tokenizer = tokenizerFromJson(json('tokenizer.json'), json('tokenizer_config.json'))
  const device = await createWasmDevice({ build: 'baseline', threads: 1, shared: false })
  const session = await device.load(buildProgram(weights, 'logits'))
  const logits: number[][] = []
  for (const text of TEXTS) {
    const ids = tokenizer.encode(text, CONFIG.maxPositions)
    logits.push([...(await session.run({ ids, types: ids.map(() => 0), offsets: Int32Array.of(0, ids.length) }))])
  }
  await device.dispose()
  return logits
}

const expected: Expected = { commit, logits: {}, bytes: {}, trained: {} }
const note = async (name: string): Promise<void> => {
  const folder = join(fixtures, name)
  expected.logits[name] = await logitsOf(folder)
  expected.bytes[name] = sha256(join(folder, 'model.safetensors'))
}

// the dense model: trained until it tells the two classes apart
const tokenizer = tokenizerFromVocabulary(VOCABULARY, { lowercase: true })
const files = Object.fromEntries(tokenizer.files().map(({ name, content }) => [name, content]))
const examples = CORPUS.map(({ text, label }) => ({
  ids: tokenizer.encode(text, CONFIG.maxPositions),
  label: CONFIG.labels.indexOf(label),
}))
const options = { epochs: 30, batch: 8, learningRate: 5e-3, seed: 1, threads: 1, dropout: 0 }
const dense = (await trainClassifier(initializeModel(CONFIG, 1), examples, options)).model
await saveModel(dense, join(fixtures, 'f32'), { files })
await note('f32')

for (const [name, recipe] of Object.entries(RECIPES)) {
  cli('compress', join(fixtures, 'f32'), '--recipe', recipe, '--data', data, '--out', join(fixtures, name), '--json')
  await note(name)
}
const { model } = await trainClassifier(initializeModel(NARROW, 2), examples, options)
await saveModel(model, join(fixtures, 'narrow'), { files })
await note('narrow')
const small = await applyRecipe(dense, 'student:1x8+q8+e8', { seed: 1, student: () => Promise.resolve({ model }) })
await saveModel(small.model, join(fixtures, 'student'), { files })
await note('student')

// a training that Ctrl-C stopped: OUT.training/checkpoint
const scratch = mkdtempSync(join(tmpdir(), 'compatibility-'))
const train = (out: string, ...more: string[]): string[] => [
  ...['train', '--model', join(fixtures, 'narrow'), '--data', data, '--out', join(scratch, out), ...TRAIN_FLAGS],
  ...more,
]
cli(...train('whole'))
const stopped = spawn(process.execPath, [join(old, 'ts/cli/main.ts'), ...train('stopped')], { stdio: 'pipe' })
stopped.stderr.on('data', (text: Buffer) => {
  if (/training \d+ layer/.test(String(text))) stopped.kill('SIGINT')
})
await new Promise((done) => stopped.on('close', done))
const checkpoint = join(scratch, 'stopped.training', 'checkpoint')
if (!existsSync(checkpoint)) throw new Error('the training ended before it was stopped')
cpSync(join(scratch, 'stopped.training'), join(fixtures, 'stopped.training'), { recursive: true })
cli(...train('stopped', '--resume'))
expected.trained.stopped = sha256(join(scratch, 'stopped/model.safetensors'))
if (expected.trained.stopped !== sha256(join(scratch, 'whole/model.safetensors')))
  throw new Error('the resumed training gives other bits than the whole one')

// a training with every option that has a state, stopped through the API
const path = join(fixtures, 'everything.checkpoint')
const { save } = await openCheckpoint(path)
const abort = new AbortController()
const { start, examples: toy, options: all } = everything(initializeModel)
await trainClassifier(start, toy, {
  ...all,
  checkpoint: { seconds: 3600, save },
  signal: abort.signal,
  progress: ({ step }) => {
    if (step === 11) abort.abort()
  },
}).catch((error: Error) => process.stdout.write(`stopped: ${error.message}\n`))
const whole = await trainClassifier(start, toy, all)
await saveModel(whole.model, join(scratch, 'everything'))
expected.trained.everything = sha256(join(scratch, 'everything/model.safetensors'))

writeFileSync(join(fixtures, 'expected.json'), `${JSON.stringify(expected, null, 1)}\n`)
rmSync(scratch, { recursive: true })
