// The page, built as it is shipped: classifies, runs its bench, and asks nothing of any other server.

import { fileURLToPath } from 'node:url'
import type { Browser } from 'puppeteer'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { build, type Rolldown } from 'vite'
import { launchBrowser } from './chromium.ts'
import { serve, type Files, type StaticServer } from './server.ts'

let browser: Browser
let server: StaticServer

beforeAll(async () => {
  const root = fileURLToPath(new URL('../../app/', import.meta.url))
  const built = (await build({ root, logLevel: 'error', build: { write: false } })) as Rolldown.RolldownOutput
  const files: Files = new Map()
  for (const part of built.output) files.set(part.fileName, part.type === 'chunk' ? part.code : part.source)
  server = await serve(files, true)
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

it('classifies a text and draws the bench', async () => {
  const page = await browser.newPage()
  const problems: string[] = []
  const foreign: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.url)) foreign.push(request.url())
  })
  await page.goto(server.url)
  await page.select('#variant', 'q8+e8')
  await page.click('#form button')
  const idle = '!document.querySelector("#form button").disabled'
  await page.waitForFunction(idle, { timeout: 30_000 })
  expect(await page.$eval('#status', (element) => element.textContent)).toBe('')
  const scores = await page.$$eval('.label output', (outputs) => outputs.map((output) => Number(output.textContent)))
  expect(scores).toHaveLength(2)
  expect(scores[0] + scores[1]).toBeCloseTo(1, 2)
  expect(await page.$eval('#notes', (element) => element.textContent)).toContain('random weights')

  await page.click('#bench')
  await page.waitForFunction(idle, { timeout: 60_000 })
  expect(await page.$eval('#bench-status', (element) => element.textContent)).toMatch(/^done on wasm/)
  // three shapes of nine linear kernels
  expect(await page.$$eval('#plot rect', (bars) => bars.length)).toBe(27)
  expect(problems).toEqual([])
  expect(foreign).toEqual([])
  if (process.env.APP_SCREENSHOT)
    await page.screenshot({ path: process.env.APP_SCREENSHOT as `${string}.png`, fullPage: true })
})
