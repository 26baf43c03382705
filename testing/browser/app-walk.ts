// `npm run app:walk -- [WALK …] [--pictures FOLDER]`: builds the page and walks over it in the browser under test. A walk
// fails where what it expects is not there, or where the page says an error in its console.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser } from 'puppeteer'
import { buildApp, openApp, type OpenedApp } from './app-page.ts'
import { WALKS, type Ground } from './app-walks.ts'
import { launchBrowser } from './chromium.ts'
import { serve, type StaticServer } from './server.ts'

const { values, positionals } = parseArgs({ options: { pictures: { type: 'string' } }, allowPositionals: true })
const wanted = positionals.length > 0 ? positionals : Object.keys(WALKS)
const unknown = wanted.filter((name) => !(name in WALKS))
if (unknown.length > 0)
  throw new Error(`no walk is named ${unknown.join(', ')}; expected some of ${Object.keys(WALKS).join(', ')}`)
if (values.pictures) mkdirSync(values.pictures, { recursive: true })

/** pixels of a picture's height */
const PART = 1600

const files = await buildApp()
const browser = await launchBrowser('software canvas')
let failed = 0
for (const name of wanted) {
  const servers: StaticServer[] = []
  const opened: OpenedApp[] = []
  const browsers: Browser[] = []
  const opener =
    (within: Browser): Ground['open'] =>
    async (address, before) => {
      const app = await openApp(within, address, before)
      opened.push(app)
      return app
    }
  const ground: Ground = {
    files,
    host: async (isolated, headers, own = files) => {
      const server = await serve(own, isolated, headers)
      servers.push(server)
      return server
    },
    open: opener(browser),
    launch: async (adapter) => {
      const other = await launchBrowser(adapter)
      browsers.push(other)
      return opener(other)
    },
    picture: async (page, picture) => {
      if (!values.pictures) return
      const { width, height } = await page.evaluate(() => {
        scrollTo({ top: 0, behavior: 'instant' })
        const { clientWidth, scrollHeight } = document.documentElement
        return { width: clientWidth, height: scrollHeight }
      })
      // a long page in parts, so that each can be looked at
      for (let y = 0, part = 1; y < height; y += PART, part++)
        await page.screenshot({
          path: join(values.pictures, `${picture}-${part}.png`) as `${string}.png`,
          clip: { x: 0, y, width, height: Math.min(PART, height - y) },
          captureBeyondViewport: true,
        })
    },
    say: (line) => console.log(`  ${line}`),
  }
  const start = performance.now()
  let problem: string | null = null
  try {
    await WALKS[name](ground)
  } catch (error) {
    problem = (error as Error).message
  }
  const problems = [...(problem === null ? [] : [problem]), ...opened.flatMap((app) => app.problems)]
  if (problem !== null) for (const app of opened) await app.close().catch(() => {})
  await Promise.all([...servers, ...browsers].map((used) => used.close()))
  if (problems.length > 0) failed++
  console.log(`${problems.length > 0 ? 'FAILED' : 'ok'}  ${name}, ${((performance.now() - start) / 1000).toFixed(1)} s`)
  for (const line of problems) console.log(`  ${line}`)
}
await browser.close()
console.log(
  failed > 0 ? `${failed} of ${wanted.length} walks failed` : `${wanted.length} walks, no error in the console`,
)
process.exitCode = failed > 0 ? 1 : 0
