// Walks over the page: what a reader does, and what must then be there. app-walk.ts runs them.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ElementHandle, Page } from 'puppeteer'
import { POLICY } from '../../app/vite.config.ts'
import type { OpenedApp } from './app-page.ts'
import type { BrowserAdapter } from './chromium.ts'
import type { Files, StaticServer } from './server.ts'

export interface Ground {
  files: Files
  /** Serves the page; closed after the walk. */
  host(isolated: boolean, headers?: Record<string, string>, files?: Files): Promise<StaticServer>
  open: Open
  /** another browser, whose pages are opened by what it gives; closed after the walk */
  launch(adapter: BrowserAdapter): Promise<Open>
  picture(page: Page, name: string): Promise<void>
  /** What a walk has to tell. */
  say(line: string): void
}

type Open = (address: string, before?: (page: Page) => Promise<unknown>) => Promise<OpenedApp>
type Walk = (ground: Ground) => Promise<void>

const OWN_MODEL = fileURLToPath(new URL('../compatibility/fixtures/q8-e8', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'compact-kernels-walk-'))

/** A file on disk for an input of the page. */
function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function expect(is: boolean, what: string): void {
  if (!is) throw new Error(what)
}

async function give(page: Page, input: string, ...paths: string[]): Promise<void> {
  const found = (await page.$(input)) as ElementHandle<HTMLInputElement> | null
  if (!found) throw new Error(`the page has no ${input}`)
  await found.uploadFile(...paths)
}

const WIDE = { width: 1280, height: 900 }
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

const view = (size: typeof WIDE) => (page: Page) => page.setViewport(size)

export async function ready({ page, answered }: OpenedApp): Promise<void> {
  await answered()
  await page.waitForFunction('document.querySelector("#browser dl") && !document.querySelector("#bench").disabled')
}

/** Runs a short bench of one thread to its end. */
export async function runBench({ page, text }: OpenedApp): Promise<void> {
  await page.$$eval('#bench-section input[id^=on-]', (boxes) => {
    for (const box of boxes as HTMLInputElement[]) if (box.checked !== (box.id === 'on-wasm1')) box.click()
  })
  await page.click('#quick')
  await page.click('#bench')
  await page.waitForFunction('document.querySelector("#bench-status").textContent.startsWith("Done")', {
    timeout: 240_000,
  })
  expect(!/left out/.test(await text('#bench-status')), `rows were left out: ${await text('#bench-section')}`)
  await page.waitForSelector('#plot-break-even svg')
}

/** The file that the page hands out. */
async function download(page: Page, button: string): Promise<string> {
  await page.evaluate(() => {
    const { createObjectURL } = URL
    URL.createObjectURL = (blob: Blob) => {
      void blob.text().then((text) => Object.assign(globalThis, { handedOut: text }))
      return createObjectURL(blob)
    }
  })
  await page.click(button)
  await page.waitForFunction('"handedOut" in globalThis')
  return page.evaluate(() => (globalThis as unknown as { handedOut: string }).handedOut)
}

const wide: Walk = async ({ host, open, picture, say }) => {
  const app = await open((await host(true)).url, view(WIDE))
  const { page, text } = app
  await ready(app)
  const first = await page.evaluate(() => performance.getEntriesByName('first answer')[0]?.startTime)
  say(`first answer ${first?.toFixed(0)} ms after the page began to load`)
  await picture(page, 'wide-first')
  await page.select('#variant2', '')
  const longest = await watchTasks(page)
  await runBench(app)
  say(`longest task of the page while the bench ran and its plots were drawn: ${await longest()}`)
  const results = await download(page, '#save')
  const other = JSON.parse(results) as { machine: { cores: number }; rows: { medianMs: number }[] }
  other.machine.cores = 64
  for (const row of other.rows) row.medianMs *= 0.6
  await give(page, '#results', fileOf('results.json', JSON.stringify(other)))
  await page.waitForFunction('document.querySelector("#bench-section .chip")')
  expect((await text('#bench-section .chip')).includes('64 threads'), 'the other machine is not named')
  await page.waitForFunction('/WebGPU|2-D/.test(document.querySelector("#space").innerText)')
  await page.$$eval('#plots details', (all) => all.forEach((details) => (details.open = true)))
  await page.select('#space-mode', 'webgpu')
  await page.waitForFunction('/Drawn by WebGPU/.test(document.querySelector("#space-hint").textContent)')
  await page.waitForFunction('document.querySelector("#space-stage canvas").width > 300')
  const before = await stagePixels(page)
  await page.focus('#space-stage')
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft')
  await page.waitForFunction('true')
  expect((await stagePixels(page)) !== before, 'the 3-D view does not turn')
  // it has been looked at whether the canvas shows anything
  expect((await text('#space-hint')).includes('Drawn by WebGPU'), await text('#space-hint'))
  await picture(page, 'wide-bench')
  await app.close()
}

/** What the names' canvas of the 3-D view shows. */
const stagePixels = (page: Page): Promise<string> =>
  page.$eval('#space-stage canvas:last-child', async (canvas) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    return (canvas as HTMLCanvasElement).toDataURL()
  })

const phone: Walk = async ({ host, open, picture }) => {
  const app = await open((await host(true)).url, (page) => page.setViewport(PHONE))
  await ready(app)
  await app.page.$eval('textarea#text', (area) => (area.value = 'a lovely film\nnobody should see this\nfine'))
  await app.page.click('#classify')
  await app.page.waitForSelector('#answers table')
  await app.answered()
  await app.page.waitForSelector('#verify')
  await app.page.$eval('#verify', (button) => (button as HTMLElement).click())
  await app.page.waitForSelector('#certificate')
  const wider = await app.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  await picture(app.page, 'phone')
  expect(wider <= 0, `the page is ${wider} pixels wider than a phone`)
  await app.close()
}

const dark: Walk = async ({ host, open, picture }) => {
  const app = await open((await host(true)).url, async (page) => {
    await page.setViewport(WIDE)
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
  })
  await ready(app)
  await runBench(app)
  await app.page.waitForFunction('/WebGPU|2-D/.test(document.querySelector("#space").innerText)')
  await picture(app.page, 'dark')
  await app.page.select('#theme', 'light')
  const ground = await app.page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  expect(ground === 'rgb(246, 245, 242)', `light was chosen, and the ground is ${ground}`)
  await app.close()
}

const russian: Walk = async ({ host, open, picture }) => {
  const { url } = await host(true)
  const app = await open(`${url}?lang=ru&text=${encodeURIComponent('очень хороший фильм')}`, view(WIDE))
  await ready(app)
  expect((await app.page.evaluate(() => document.documentElement.lang)) === 'ru', 'the language is not said')
  const answer = await app.text('#answers')
  expect(/Нет в словаре|Токены/.test(answer), `no Russian answer: ${answer}`)
  await picture(app.page, 'russian')
  await app.page.select('#language', 'en')
  expect((await app.text('#answers')).includes('Tokens'), 'the answer did not change its language')
  await app.close()
}

const notIsolated: Walk = async ({ host, open, say }) => {
  const { url } = await host(false)
  const app = await open(url, view(WIDE))
  await ready(app)
  await app.page.waitForFunction('/service worker/.test(document.querySelector("#browser").innerText)')
  expect((await app.page.$$('#device option[value=wasm2]')).length === 0, 'threads without isolation')
  await app.page.reload()
  await ready(app)
  const isolated = await app.page.evaluate(() => crossOriginIsolated)
  expect(isolated, 'the service worker does not isolate the page')
  await app.page.select('#device', 'wasm2')
  await app.answered()
  say(`after a reload: ${/wasm [^\n]*/.exec(await app.text('#answers'))?.[0]}`)
  await app.close()
}

const faster: Walk = async ({ host, open, say }) => {
  const app = await open((await host(true)).url, view(WIDE))
  await ready(app)
  const auto = await app.page.$eval('#device', (found) => {
    const options = [...(found as HTMLSelectElement).options].map(({ value }) => value)
    return options.find((value) => value.startsWith('auto'))
  })
  expect(auto !== undefined, 'the faster device is not among the devices')
  const noteOf = async (): Promise<string> => /device auto: [^\n]*/.exec(await app.text('#answers'))?.[0] ?? ''
  await app.page.select('#device', auto!)
  await app.answered()
  say(await noteOf())
  expect(/ms on WebAssembly/.test(await noteOf()), 'the page does not say what it measured')
  // the emulated GPU may compile for longer than the page waits; in a new page its time is known
  await app.page.waitForFunction(
    `caches.open('compact-kernels-devices').then((kept) => kept.keys()).then(({ length }) => length > 0)`,
    { timeout: 60_000 },
  )
  await app.page.reload()
  await ready(app)
  await app.page.waitForFunction('/remembered/.test(document.querySelector("#answers").innerText)')
  say(await noteOf())
  await app.close()
}

const webgpuOff: Walk = async ({ host, open, picture }) => {
  const app = await open((await host(true)).url, async (page) => {
    await page.setViewport(WIDE)
    await page.evaluateOnNewDocument(() => Reflect.deleteProperty(Navigator.prototype, 'gpu'))
  })
  await ready(app)
  expect((await app.text('#browser')).includes('has no WebGPU'), 'the lack of WebGPU is not said')
  await runBench(app)
  await app.page.waitForFunction('/2-D canvas/.test(document.querySelector("#space").innerText)')
  await picture(app.page, 'webgpu-off')
  await app.close()
}

const wrongFiles: Walk = async ({ host, open, picture }) => {
  const app = await open((await host(true)).url, view(WIDE))
  const { page, text } = app
  await ready(app)
  const texts: [name: string, content: string | Uint8Array, says: RegExp][] = [
    ['picture.png', Uint8Array.of(1, 2, 3), /ending 'png' is not known/],
    ['latin.txt', Uint8Array.of(0xe9, 0x20, 0xff), /not UTF-8/],
    ['empty.txt', '\n\n', /no text in it/],
    ['broken.csv', 'text,label\n"open,1\n', /broken\.csv/],
    ['broken.jsonl', '{"text": "a"\n', /broken\.jsonl/],
  ]
  for (const [name, content, says] of texts) {
    await give(page, '#texts', fileOf(name, content))
    await page
      .waitForFunction(`document.querySelector("#answers [role=alert]")?.innerText.includes(${JSON.stringify(name)})`, {
        timeout: 10_000,
      })
      .catch(async () => expect(false, `${name}: ${await text('#answers')}`))
    expect(says.test(await text('#answers')), `${name}: ${await text('#answers')}`)
    expect((await page.$('#answers .card')) === null, `${name}: an old answer is still there`)
  }
  await picture(page, 'wrong-file')
  for (const [content, says] of [
    ['{', /not JSON/],
    ['{"schema":"compact-kernels/page/1"}', /date is nothing/],
    ['{"schema":"compact-kernels/study/2"}', /schema is "compact-kernels\/study\/2"/],
  ] as const) {
    await give(page, '#results', fileOf('results.json', content))
    await page.waitForSelector('#bench-section [role=alert]')
    await page.waitForFunction(`${says}.test(document.querySelector("#bench-section [role=alert]").innerText)`)
  }
  await give(page, '#texts', fileOf('good.csv', 'id,review\n1,a fine film\n2,"dull, and long"\n'))
  await page.waitForSelector('#answers table')
  expect((await text('#source')).includes('column “review”'), 'the column is not named')
  await app.close()
}

/** The longest task of the page's own thread from here on, in ms; tasks below 50 ms are not told. */
async function watchTasks(page: Page): Promise<() => Promise<string>> {
  await page.evaluate(() => {
    const seen = { longest: 0 }
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration)
    }).observe({ type: 'longtask' })
    Object.assign(globalThis, { seen })
  })
  return async () => {
    const longest = await page.evaluate(() => (globalThis as unknown as { seen: { longest: number } }).seen.longest)
    return longest === 0 ? 'under 50 ms' : `${longest.toFixed(0)} ms`
  }
}

const stopped: Walk = async ({ host, open, say }) => {
  const app = await open((await host(true)).url, view(WIDE))
  const { page, text, answered } = app
  await ready(app)
  const lines = Array.from({ length: 20_000 }, (_, i) => `${'a film that goes on and on '.repeat(3)} ${i}`)
  const longest = await watchTasks(page)
  await give(page, '#texts', fileOf('many.txt', lines.join('\n')))
  await page.waitForFunction('/Running, \\d/.test(document.querySelector("#status").textContent)', { timeout: 60_000 })
  await page.click('#stop')
  await page.waitForFunction('/Stopped/.test(document.querySelector("#answers").innerText)')
  await give(page, '#texts', fileOf('some.txt', lines.slice(0, 2000).join('\n')))
  await page.waitForSelector('#answers table')
  await answered()
  expect((await text('#answers')).includes('The first 200 of 2000'), 'what is shown is not said')
  say(`longest task of the page while 20,000 and 2,000 texts were read and run: ${await longest()}`)
  await page.click('#bench')
  await page.waitForFunction('document.querySelector("#bench-progress").value > 1')
  await page.keyboard.press('Escape')
  await page.waitForFunction('/^Stopped/.test(document.querySelector("#bench-status").textContent)')
  await app.close()
}

const offline: Walk = async ({ host, open }) => {
  const server = await host(false)
  const app = await open(server.url, view(WIDE))
  await ready(app)
  await app.page.waitForFunction('/everything is kept/.test(document.querySelector("#browser").innerText)')
  await server.close()
  await app.page.reload()
  await ready(app)
  await app.page.select('#variant', 'sp80')
  await app.answered()
  expect((await app.text('#answers')).includes('positive'), 'no answer without a network')
  await runBench(app)
  await app.close()
}

/** An adapter whose canvases stay empty: the points are drawn all the same. */
const emptyCanvas: Walk = async ({ host, launch, say }) => {
  const open = await launch('software')
  const app = await open((await host(true)).url, view(WIDE))
  await ready(app)
  await runBench(app)
  await app.page.waitForFunction('/software adapter/.test(document.querySelector("#space-hint").textContent)')
  await app.page.select('#space-mode', 'webgpu')
  await app.page.waitForFunction('/2-D canvas/.test(document.querySelector("#space-hint").textContent)')
  say((await app.text('#space-hint')).split('. ').slice(-1)[0])
  await app.close()
}

/** An address that is shared shows the same; other models take the place of the first, the reader's own among them. */
const shared: Walk = async ({ host, open }) => {
  const { url } = await host(true)
  const app = await open(url, view(WIDE))
  await ready(app)
  await app.page.$eval('textarea#text', (area) => {
    area.value = 'an awful mess'
    area.dispatchEvent(new Event('input'))
  })
  await app.page.select('#variant', 'nm2:4')
  await app.page.waitForFunction('/nm2:4/.test(document.querySelector("#answers h3")?.textContent)')
  await app.page.click('#share')
  const address = app.page.url()
  const other = await open(address, view(WIDE))
  await ready(other)
  const answer = await other.text('#answers')
  expect(answer.includes('an awful mess') && answer.includes('nm2:4'), `another view behind ${address}: ${answer}`)
  await other.page.select('#model', 'mail')
  await other.page.waitForFunction('/spam or ham/.test(document.querySelector("#answers").innerText)')
  await other.answered()
  await other.page.click('.chip')
  await other.page.waitForFunction('/^spam 0/m.test(document.querySelector("#answers").innerText)')
  await other.page.$eval('textarea#text', (area) => (area.value = 'Dear friend,\n\nsend money now.\n'))
  await other.page.click('#classify')
  await other.page.waitForFunction('/Dear friend/.test(document.querySelector("#answers .card").innerText)')
  await give(other.page, '#folder', OWN_MODEL)
  await other.page.waitForFunction('/everything|q8-e8/.test(document.querySelector("#model-section").innerText)')
  await other.page.waitForFunction('/q8-e8/.test(document.querySelector("#answers").innerText)')
  await other.page.waitForFunction('/F1 of this model is not known/.test(document.querySelector("#plots").innerText)')
  fileOf('notes.txt', 'no model')
  await give(other.page, '#folder', folder)
  await other.page.waitForFunction('/config.json is missing/.test(document.querySelector("#answers").innerText)')
  await other.close()
  await app.close()
}

/** A host that sends the policy with every file, workers included, and keeps the page in a folder. */
const policy: Walk = async ({ host, open, files }) => {
  const inside: Files = new Map([...files].map(([name, content]) => [`some/folder/${name}`, content]))
  const { url } = await host(true, { 'Content-Security-Policy': POLICY }, inside)
  const app = await open(`${url}some/folder/?a=q8@wasm2&b=none`, view(WIDE))
  await ready(app)
  const answer = await app.text('#answers')
  expect(/2 threads/.test(answer) && /q8/.test(answer), `not what the address asks for: ${answer}`)
  await runBench(app)
  await app.close()
}

/** Every control has a name, and the keyboard comes to all that matters. */
const keyboard: Walk = async ({ host, open }) => {
  const app = await open((await host(true)).url, view(WIDE))
  const { page } = app
  await ready(app)
  const tree = await page.accessibility.snapshot({ interestingOnly: true })
  const unnamed: string[] = []
  const visit = (node: { role: string; name?: string; children?: unknown[] }): void => {
    const isControl = ['button', 'textbox', 'combobox', 'checkbox', 'link', 'meter', 'progressbar'].includes(node.role)
    if (isControl && !node.name) unnamed.push(node.role)
    for (const child of (node.children ?? []) as (typeof node)[]) visit(child)
  }
  if (tree) visit(tree)
  expect(unnamed.length === 0, `controls without a name: ${unnamed.join(', ')}`)
  const reached = new Set<string>()
  await page.focus('#language')
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    reached.add(await page.evaluate(() => document.activeElement?.id ?? ''))
  }
  for (const id of ['text', 'classify', 'variant', 'device2', 'texts', 'folder', 'bench', 'results'])
    expect(reached.has(id), `Tab does not come to #${id}`)
  await page.focus('#text')
  await page.$eval('textarea#text', (area) => (area.value = 'dull and far too long'))
  await page.keyboard.down('Control')
  await page.keyboard.press('Enter')
  await page.keyboard.up('Control')
  await page.waitForFunction('document.querySelector("#answers").innerText.includes("dull and far too long")')
  await app.close()
}

export const WALKS: Record<string, Walk> = {
  wide,
  phone,
  dark,
  russian,
  'not isolated': notIsolated,
  'the faster device': faster,
  'WebGPU off': webgpuOff,
  'wrong files': wrongFiles,
  stopped,
  offline,
  'empty canvas': emptyCanvas,
  shared,
  policy,
  keyboard,
}
