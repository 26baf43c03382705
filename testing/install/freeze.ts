// npm run check:freeze: how long a page waits for its first answer, and how long it cannot draw while 1,000 texts are
// classified, on its own thread and with the worker; the page's sentiment model, in headless Chromium, of the built dist/.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { markdownTable } from 'markdown-table'
import { launchBrowser } from '../browser/chromium.ts'
import { serve } from '../browser/server.ts'
import { siteOf } from './project.ts'

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url))
const MODEL = fileURLToPath(new URL('../../app/models/sentiment/', import.meta.url))
const ROUNDS = 5

const PAGE = `
globalThis.measure = async (entry) => {
  const { pipeline } = await import(entry)
  const start = performance.now()
  const classify = await pipeline('text-classification', './sentiment/', { device: 'cpu' })
  await classify('a warm, funny and moving film')
  const firstMs = performance.now() - start
  const texts = Array.from({ length: 1000 }, (_, i) => 'the plot is thin and the jokes fall flat, but ' + 'very '.repeat(i % 40) + 'well played')
  let [last, longestMs, isOver] = [performance.now(), 0, false]
  const beat = () => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - last)
    last = now
    if (!isOver) setTimeout(beat)
  }
  setTimeout(beat)
  const from = performance.now()
  await classify(texts)
  const allMs = performance.now() - from
  isOver = true
  await classify.dispose()
  return { firstMs, longestMs, allMs }
}`

if (!existsSync(DIST)) throw new Error('dist/ is not there; run npm run build first')
const files = new Map([...siteOf(DIST)].map(([path, content]) => [`dist/${path}`, content]))
for (const [path, content] of siteOf(MODEL)) if (!path.includes('/')) files.set(`sentiment/${path}`, content)
files.set('index.html', '<!doctype html><script type="module" src="main.js"></script>')
files.set('main.js', PAGE)

const browser = await launchBrowser()
const server = await serve(files, false)
const entries = { page: './dist/compact-kernels.js', worker: './dist/worker.js' }
const least: Record<string, Record<string, number>> = {}
try {
  // interleaved, and the least of each: what other work adds is left out
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, entry] of Object.entries(entries)) {
      const page = await browser.newPage()
      await page.goto(server.url)
      await page.waitForFunction('globalThis.measure')
      const found = (await page.evaluate(`measure('${entry}')`)) as Record<string, number>
      least[name] ??= found
      for (const [key, value] of Object.entries(found)) least[name][key] = Math.min(least[name][key], value)
      await page.close()
    }
} finally {
  await browser.close()
  await server.close()
}
const rows = Object.entries(least).map(([name, found]) => [
  name,
  ...['firstMs', 'longestMs', 'allMs'].map((key) => found[key].toFixed(0)),
])
console.log(`least of ${ROUNDS} interleaved rounds, one thread, ms`)
console.log(markdownTable([['where', 'first answer', 'longest freeze', '1,000 texts'], ...rows]))
