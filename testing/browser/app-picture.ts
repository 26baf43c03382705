// The picture of the page in README: `node testing/browser/app-picture.ts docs/page.webp`. The page answers, runs its short
// bench on one thread, and draws it; the parts between are left out of the picture.

import { statSync } from 'node:fs'
import { buildApp, openApp } from './app-page.ts'
import { ready, runBench } from './app-walks.ts'
import { launchBrowser } from './chromium.ts'
import { serve } from './server.ts'

const MOST_BYTES = 150_000
const [path] = process.argv.slice(2)
if (!path?.endsWith('.webp'))
  throw new Error(`the picture's path is ${path ?? 'missing'}, expected one that ends in .webp`)

const server = await serve(await buildApp(), true)
const browser = await launchBrowser('software canvas')
const app = await openApp(browser, server.url, (page) => page.setViewport({ width: 1080, height: 800 }))
const { page } = app
await ready(app)
await runBench(app)
await page.evaluate(() => {
  for (const id of [
    'bench-section',
    'model-section',
    'browser',
    'space',
    'plot-size',
    'plot-tokens',
    'plot-kernels',
    'plot-break-even',
  ])
    document.getElementById(id)!.hidden = true
  scrollTo({ top: 0, behavior: 'instant' })
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
})
await page.screenshot({ path: path as `${string}.webp`, fullPage: true, type: 'webp', quality: 70 })
await browser.close()
await server.close()
const { size } = statSync(path)
if (app.problems.length > 0 || size > MOST_BYTES)
  throw new Error(
    `the picture has ${size} bytes, expected at most ${MOST_BYTES}; problems: ${app.problems.join('; ') || 'none'}`,
  )
console.log(`${path}: ${size} bytes`)
