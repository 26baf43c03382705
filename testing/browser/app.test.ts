// The page, built as it is shipped: its first answer, an error in its place, a certificate, a bench that is stopped.
// `npm run app:walk` goes further.

import type { Browser } from 'puppeteer'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildApp, openApp } from './app-page.ts'
import { launchBrowser } from './chromium.ts'
import { serve, type StaticServer } from './server.ts'

let browser: Browser
let server: StaticServer

beforeAll(async () => {
  ;[server, browser] = await Promise.all([buildApp().then((files) => serve(files, true)), launchBrowser()])
})

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

it('answers at once, shows errors in place of answers, verifies the model, and stops a bench', async () => {
  const { page, problems, answered, text, close } = await openApp(browser, server.url)
  await answered()
  const cards = await page.$$eval('#answers .card', (found) => found.map((card) => (card as HTMLElement).innerText))
  expect(cards).toHaveLength(2)
  for (const card of cards) {
    expect(card).toContain('a warm, funny and moving film')
    expect(card).toMatch(/^positive 0\.\d{3}$/m)
    expect(card).toMatch(/[\d.]+ ± [\d.]+ ms, median of \d+/)
    expect(card).toMatch(/wasm (relaxed|baseline)-simd, 1 thread/)
  }

  await page.$eval('textarea#text', (area) => (area.value = ' \n '))
  await page.click('#classify')
  await page.waitForSelector('#answers [role=alert]')
  expect(await text('#answers')).toContain('There is no text')
  expect(await page.$('#answers .card')).toBeNull()

  await page.$eval('textarea#text', (area) => (area.value = `a dull film 龘\n${'good '.repeat(300)}`))
  await page.click('#classify')
  await page.waitForSelector('#answers table')
  await answered()
  const rows = await page.$$eval('#answers tbody tr', (found) => found.map((row) => (row as HTMLElement).innerText))
  expect(rows).toHaveLength(2)
  expect(rows[0]).toContain('unknown words')
  expect(rows[1]).toMatch(/positive.*cut/s)

  await page.waitForFunction('!document.querySelector("#bench")?.disabled')
  await page.waitForSelector('#verify')
  await page.click('#verify')
  await page.waitForSelector('#certificate', { timeout: 30_000 })
  const certificate = await text('#certificate')
  expect(certificate).toMatch(/\nverified\n?$/)
  expect(certificate).toMatch(/^ +[0-9a-f]{64} {2}model\.safetensors: as written$/m)
  expect(certificate).toMatch(/^device +wasm .* 1 thread$/m)
  expect(certificate).toMatch(/^compact-kernels \d+\.\d+\.\d+, Mozilla.*Chrome/)
  await page.select('#language', 'ru')
  expect(await text('#model-section')).toContain('Проверено: этот браузер считает модель так же, как эталон.')
  await page.select('#language', 'en')

  await page.click('#quick')
  await page.click('#bench')
  await page.waitForFunction('Number(document.querySelector("#bench-progress").value) > 2', { timeout: 20_000 })
  expect(await text('#bench-status')).toMatch(/^\d+ of \d+, about \d+ (s|min) left: /)
  await page.keyboard.press('Escape')
  await page.waitForFunction('document.querySelector("#bench-status").textContent.startsWith("Stopped")')
  await page.waitForSelector('#plot-tokens svg')
  expect(problems).toEqual([])
  await close()
})
