// Models and checkpoints that an earlier version wrote: what is in fixtures/ opens, computes what it computed then, is
// written again as the same bytes, and trains on to the same bits. make.ts says how they were made.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWasmDevice, type Device, encodeModel, loadModel, openModel, pipeline } from '../../ts/index.ts'
import { buildProgram, tokenizerFromJson } from '../../ts/index.ts'
import { initializeModel, openCheckpoint, trainClassifier } from '../../ts/train.ts'
import { createGpuDevice } from '../../ts/webgpu.ts'
import { MAIN } from '../command-line.ts'
import { CONFIG, everything, TEXTS, TRAIN_FLAGS, type Expected } from './task.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')
const expected = JSON.parse(await readFile(join(FIXTURES, 'expected.json'), 'utf8')) as Expected
const FOLDERS = Object.keys(expected.logits)

/**
 * Largest difference of a logit. Those of f32 layers are sums of at most 24 products in another order; a last bit of an
 * activation that moves may round to the next int8, which moves a logit by some 2e-3.
 */
const boundOf = (folder: string): number => (/q8|student/.test(folder) ? 5e-3 : 2e-5)

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

/** A folder's logits of TEXTS, one batch of one text each, its weights read from the files as they are packed. */
async function logitsOf(folder: string, device: Device): Promise<number[][]> {
  const { weights, tokenizerFiles, close } = await openModel(join(FIXTURES, folder))
  const json = (name: string): object => JSON.parse(tokenizerFiles[name]) as object
  const tokenizer = tokenizerFromJson(json('tokenizer.json'), json('tokenizer_config.json'))
  const session = await device.load(buildProgram(weights, 'logits'))
  await close()
  const logits: number[][] = []
  for (const text of TEXTS) {
    const ids = tokenizer.encode(text, CONFIG.maxPositions)
    const types = new Int32Array(ids.length)
    logits.push([...(await session.run({ ids, types, offsets: Int32Array.of(0, ids.length) }))])
  }
  session.dispose()
  return logits
}

const furthest = (actual: number[][], wanted: number[][]): number =>
  Math.max(...wanted.flatMap((row, i) => row.map((x, n) => Math.abs(x - actual[i][n]))))

describe.each([
  // as it was recorded: the same instructions in the same order give the same bits
  {
    name: 'wasm baseline',
    isExact: true,
    create: () => createWasmDevice({ build: 'baseline', threads: 1, shared: false }),
  },
  { name: 'wasm, 2 threads', isExact: false, create: () => createWasmDevice({ threads: 2 }) },
  { name: 'webgpu', isExact: false, create: () => createGpuDevice() },
])('logits on $name', ({ isExact, create }) => {
  let device: Device
  beforeAll(async () => void (device = await create()))
  afterAll(() => device.dispose())

  it.each(FOLDERS)('of %s are those that were recorded', async (folder) => {
    const actual = await logitsOf(folder, device)
    const far = furthest(actual, expected.logits[folder])
    // not "far > bound": NaN must fail
    expect(far <= (isExact ? 0 : boundOf(folder)), `${folder}: ${far} from what was recorded`).toBe(true)
  })
})

describe('a folder', () => {
  it.each(FOLDERS)('%s is written again as the same bytes', async (folder) => {
    const { weights, tokenizerFiles } = await loadModel(join(FIXTURES, folder))
    const files = encodeModel(weights, { files: tokenizerFiles })
    expect(sha256(files['model.safetensors'])).toBe(expected.bytes[folder])
    const read = (name: string): Promise<string> => readFile(join(FIXTURES, folder, name), 'utf8')
    for (const name of ['config.json', 'tokenizer.json']) expect(files[name]).toBe(await read(name))
    // since then it says where texts are cut
    expect(JSON.parse(files['tokenizer_config.json'] as string)).toEqual({
      ...(JSON.parse(await read('tokenizer_config.json')) as object),
      model_max_length: weights.config.maxPositions,
    })
  })

  it('is read by the pipeline', async () => {
    const classify = await pipeline('text-classification', join(FIXTURES, 'q8-e8'), { device: 'wasm' })
    const [{ label, score }] = await classify(TEXTS[0])
    await classify.dispose()
    const [bad, good] = expected.logits['q8-e8'][0]
    expect(label).toBe('good')
    expect(score).toBeCloseTo(1 / (1 + Math.exp(bad - good)), 3)
  })
})

describe('a training that was stopped', () => {
  let scratch: string
  beforeAll(async () => void (scratch = await mkdtemp(join(tmpdir(), 'compatibility-'))))
  afterAll(() => rm(scratch, { recursive: true }))

  // The bits are those of relaxed SIMD where a product and a sum round once, as on x86 with FMA and on ARM.
  it('goes on from OUT.training to the same bits', async () => {
    await cp(join(FIXTURES, 'stopped.training'), join(scratch, 'out.training'), { recursive: true })
    const { stderr } = await promisify(execFile)(process.execPath, [
      ...[MAIN, 'train', '--model', join(FIXTURES, 'narrow'), '--data', join(FIXTURES, 'corpus.csv')],
      ...['--out', join(scratch, 'out'), ...TRAIN_FLAGS, '--resume'],
    ])
    expect(stderr).toContain('going on after step')
    expect(sha256(await readFile(join(scratch, 'out/model.safetensors')))).toBe(expected.trained.stopped)
  })

  it('goes on from a checkpoint of the API with every option to the same bits', async () => {
    const copy = join(scratch, 'everything')
    await cp(join(FIXTURES, 'everything.checkpoint'), copy)
    const { state } = await openCheckpoint(copy)
    const { start, examples, options } = everything(initializeModel)
    expect(state!.step).toBeGreaterThan(0)
    const { model } = await trainClassifier(start, examples, { ...options, resume: state! })
    expect(sha256(encodeModel(model)['model.safetensors'])).toBe(expected.trained.everything)
  })
})
