// The library in headless Chromium gives what it gives in Node: WebAssembly with threads (cross-origin isolated) and
// without, and WebGPU on the software adapter.

import type { Browser, Page } from 'puppeteer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { referenceWithBounds } from '../../kernels/reference.ts'
import type { Batch } from '../../kernels/program/program.ts'
import { assertExact, assertWithin } from '../../kernels/testing/compare.ts'
import { applyRecipe } from '../../ts/recipe/apply.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'
import { pipeline } from '../../ts/pipeline/pipeline.ts'
import { bundlePage } from './bundle.ts'
import { launchBrowser } from './chromium.ts'
import { TEXTS, modelFiles, smallModel } from './model.ts'
import type { DeviceRequest, Harness } from './page.ts'
import { kernelPrograms, rowsOf } from './programs.ts'
import { serve, type Files, type StaticServer } from './server.ts'

declare const harness: Harness

const OFFSETS = [0, 5, 6, 20]
const IDS = Array.from({ length: 20 }, (_, i) => (i * 7 + 3) % 40)
const BATCH: Batch = { offsets: Int32Array.from(OFFSETS), ids: Int32Array.from(IDS), types: new Int32Array(IDS.length) }
/** logits on a GPU against Node's WebAssembly; they are of the order of 1 */
const GPU_TOLERANCE = 1e-4

const VARIANTS = ['baseline', 'q8+e8', 'sp80x4+q8', 'sp80', 'nm2:4', 'svd:0.25']
/** an emulated adapter compiles for seconds; the other kernels are in `kernelPrograms` */
const GPU_VARIANTS = ['baseline', 'q8+e8', 'sp80x4+q8']

let browser: Browser
const servers: StaticServer[] = []
const models = new Map<string, ModelWeights>()
let open: (isolated: boolean) => Promise<Page>

beforeAll(async () => {
  const files: Files = await bundlePage()
  for (const variant of VARIANTS) {
    const model = smallModel()
    models.set(variant, variant === 'baseline' ? model : (await applyRecipe(model, variant, { seed: 1 })).model)
    for (const [name, contents] of Object.entries(modelFiles(models.get(variant)!)))
      files.set(`${encodeURIComponent(variant)}/${name}`, contents)
  }
  browser = await launchBrowser()
  const pages = await Promise.all(
    [true, false].map(async (isolated) => {
      const server = await serve(files, isolated)
      servers.push(server)
      const page = await browser.newPage()
      const problems: string[] = []
      page.on('pageerror', (error) => problems.push(String(error)))
      page.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`))
      await page.goto(server.url)
      await page.waitForFunction('"harness" in globalThis', { timeout: 10_000 }).catch(() => {
        throw new Error(`the bundle did not load: ${problems.join('; ') || 'no error was reported'}`)
      })
      return page
    }),
  )
  open = async (isolated) => pages[isolated ? 0 : 1]
})

afterAll(async () => {
  await browser?.close()
  for (const server of servers) await server.close()
})

/** Logits of Node's WebAssembly for a variant. */
async function nodeLogits(variant: string, threads: number): Promise<Float32Array> {
  const device = await createWasmDevice({ threads })
  try {
    return await (await device.load(buildProgram(models.get(variant)!, 'logits'))).run(BATCH)
  } finally {
    await device.dispose()
  }
}

const pageLogits = (page: Page, variant: string, request: DeviceRequest) =>
  page.evaluate(
    (model, offsets, ids, how) => harness.logits(model, offsets, ids, how),
    `./${encodeURIComponent(variant)}/`,
    OFFSETS,
    IDS,
    request,
  )

describe('WebAssembly, cross-origin isolated', () => {
  it('runs with two threads', async () => {
    const page = await open(true)
    expect(await page.evaluate(() => harness.isolated)).toBe(true)
    const { info } = await pageLogits(page, 'baseline', { device: 'wasm', threads: 2 })
    expect(info.threads).toBe(2)
  })

  it.each(VARIANTS)('gives the logits of Node, bit for bit: %s', async (variant) => {
    const { logits } = await pageLogits(await open(true), variant, { device: 'wasm', threads: 2 })
    assertExact(logits, await nodeLogits(variant, 2), `${variant} in the browser, 2 threads`)
  })

  it('gives the kernels’ outputs of Node, bit for bit', async () => {
    const { outputs } = await (await open(true)).evaluate(() => harness.kernels({ device: 'wasm', threads: 2 }))
    const device = await createWasmDevice({ threads: 2 })
    const expected = await rowsOf(device, kernelPrograms())
    await device.dispose()
    expect(outputs.map((output) => output.name)).toEqual(expected.map((output) => output.name))
    outputs.forEach((output, i) => assertExact(output.values, expected[i].values, `${output.name} in the browser`))
  })
})

describe('WebAssembly, not isolated', () => {
  it('runs with one thread and says so', async () => {
    const page = await open(false)
    expect(await page.evaluate(() => harness.isolated)).toBe(false)
    const { info } = await pageLogits(page, 'baseline', { device: 'wasm', threads: 2 })
    expect(info.threads).toBe(1)
    expect(info.notes.join(' ')).toMatch(/isolat/)
  })

  it.each(VARIANTS)('gives the logits of Node, bit for bit: %s', async (variant) => {
    const { logits } = await pageLogits(await open(false), variant, { device: 'wasm' })
    assertExact(logits, await nodeLogits(variant, 1), `${variant} in the browser, 1 thread`)
  })
})

describe('WebGPU on the software adapter', () => {
  it.each(GPU_VARIANTS)('gives the logits of Node within 1e-4: %s', async (variant) => {
    const { logits, info } = await pageLogits(await open(true), variant, { device: 'webgpu' })
    expect(info).toMatchObject({ kind: 'gpu', software: true })
    assertWithin(logits, await nodeLogits(variant, 1), GPU_TOLERANCE, `${variant} on WebGPU in the browser`)
  })

  it('keeps every kernel within its bound', async () => {
    const { outputs } = await (await open(true)).evaluate(() => harness.kernels({ device: 'webgpu' }))
    const programs = kernelPrograms()
    expect(outputs.length).toBe(programs.length)
    outputs.forEach(({ name, values }, i) => {
      const expected = referenceWithBounds(programs[i].program, programs[i].batch)
      assertWithin(values, expected.values, expected.bounds, `${name} on WebGPU in the browser`)
    })
  })
})

describe('pipeline', () => {
  it.each<[string, boolean, DeviceRequest, number]>([
    ['wasm, isolated', true, { device: 'wasm', threads: 2 }, 0],
    ['wasm, not isolated', false, { device: 'wasm' }, 0],
    ['webgpu', true, { device: 'webgpu' }, GPU_TOLERANCE],
  ])('classifies as in Node: %s', async (_, isolated, request, tolerance) => {
    const weights = models.get('baseline')!
    const tokenizer = { 'vocab.txt': modelFiles(weights)['vocab.txt'] as string }
    const classifier = await pipeline('text-classification', { weights, tokenizer }, { device: 'wasm', threads: 1 })
    const expected = (await classifier(TEXTS)) as { label: string; score: number }[]
    await classifier.dispose()
    const actual = await (
      await open(isolated)
    ).evaluate((texts, how) => harness.classify('./baseline/', texts, how), TEXTS, request)
    expect(actual.map((row) => row.label)).toEqual(expected.map((row) => row.label))
    actual.forEach((row, i) => expect(Math.abs(row.score - expected[i].score)).toBeLessThanOrEqual(tolerance))
  })
})
