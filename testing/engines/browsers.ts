// Engines with a page: Chromium from npm, and Chromium, Firefox and WebKit from Debian.

import { spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import puppeteer, { type Browser } from 'puppeteer'
import { chromiumArguments, launchBrowser } from '../browser/chromium.ts'
import { serve, type Files } from '../browser/server.ts'
import { pageBundle } from './bundle.ts'
import type { Engine, EngineAnswer } from './checks.ts'

/** A software adapter compiles every shader of the tests. */
const MOST_MS = 7200_000
const LOOK_MS = 500

async function pageFiles(): Promise<Files> {
  const html = '<!doctype html><title>engines</title><script type="module" src="page.js"></script>'
  return new Map<string, string | Uint8Array>([
    ['index.html', html],
    ['page.js', await pageBundle()],
  ])
}

const query = (devices: readonly string[]): string =>
  devices.length > 0 ? `?${new URLSearchParams(devices.map((name) => ['device', name]))}` : ''

interface Page {
  result: string | null
  underWay: string | null
}

const LOOK = 'JSON.stringify({ result: globalThis.result ?? null, underWay: globalThis.underWay ?? null })'

/** Waits for the page's answer, which `look` reads. */
async function answerOf(look: () => Promise<unknown>): Promise<EngineAnswer> {
  let underWay: string | null = null
  for (const end = performance.now() + MOST_MS; performance.now() < end;) {
    const found = JSON.parse((await look()) as string) as Page
    if (found.result !== null) return JSON.parse(found.result) as EngineAnswer
    underWay = found.underWay
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  throw new Error(`the page gave no answer for ${MOST_MS / 1000} s, in '${underWay}'`)
}

async function byPuppeteer(open: () => Promise<Browser>, devices: readonly string[]): Promise<EngineAnswer> {
  const server = await serve(await pageFiles(), true)
  const browser = await open()
  try {
    const page = await browser.newPage()
    await page.goto(`${server.url}${query(devices)}`)
    return await answerOf(() => page.evaluate(LOOK))
  } finally {
    await browser.close()
    await server.close()
  }
}

const needs = (path: string | undefined, debian: string): string => {
  if (path && existsSync(path)) return path
  throw new Error(`not installed: apt-get install ${debian}`)
}

const debianChromium: Engine['run'] = async (devices) => {
  const executablePath = needs('/usr/bin/chromium', 'chromium')
  const args = chromiumArguments('software')
  return byPuppeteer(
    () => puppeteer.launch({ executablePath, headless: true, args, protocolTimeout: MOST_MS }),
    devices,
  )
}

const firefox: Engine['run'] = async (devices) => {
  const executablePath = needs('/usr/bin/firefox-esr', 'firefox-esr')
  // the driver of llvmpipe: without it Firefox finds no adapter where there is no GPU
  if (!process.env.VK_DRIVER_FILES && globSync('/usr/share/vulkan/icd.d/*.json').length === 0)
    process.stderr.write('Firefox ESR: no Vulkan driver, so no WebGPU: apt-get install mesa-vulkan-drivers\n')
  const extraPrefsFirefox = {
    'dom.webgpu.enabled': true,
    'gfx.webgpu.ignore-blocklist': true,
    'dom.webgpu.allow-present-without-readback': true,
    'gfx.webrender.software': true,
    // a test computes for as long as it takes
    'dom.max_script_run_time': 0,
  }
  return byPuppeteer(
    () =>
      puppeteer.launch({
        browser: 'firefox',
        executablePath,
        headless: true,
        extraPrefsFirefox,
        protocolTimeout: MOST_MS,
      }),
    devices,
  )
}

const PORT = 4567

/** WebKit by its own driver: it has no protocol that puppeteer speaks. */
const webkit: Engine['run'] = async (devices) => {
  const driver = needs('/usr/bin/WebKitWebDriver', 'webkit2gtk-driver xvfb')
  const binary = needs(globSync('/usr/lib/*/webkit2gtk-4.*/MiniBrowser')[0], 'webkit2gtk-driver')
  needs('/usr/bin/xvfb-run', 'xvfb')
  const server = await serve(await pageFiles(), true)
  const running = spawn('xvfb-run', ['-a', driver, `--port=${PORT}`], { stdio: 'ignore', detached: true })
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${PORT}${path}`, { method: 'POST', body: JSON.stringify(body) })
    return ((await response.json()) as { value: unknown }).value
  }
  const options = { binary, args: ['--automation'] }
  const start = async (): Promise<string> => {
    for (let tries = 0; ; tries++)
      try {
        const made = await post('/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } })
        const { sessionId, message } = made as { sessionId?: string; message?: string }
        if (!sessionId) throw new Error(message ?? 'no session')
        return sessionId
      } catch (error) {
        if (tries > 20) throw error
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      }
  }
  try {
    const session = await start()
    await post(`/session/${session}/url`, { url: `${server.url}${query(devices)}` })
    const script = { script: `return ${LOOK}`, args: [] }
    return await answerOf(() => post(`/session/${session}/execute/sync`, script))
  } finally {
    // the whole group: xvfb-run leaves its display behind otherwise
    if (running.pid) process.kill(-running.pid)
    await server.close()
  }
}

export const BROWSERS: Engine[] = [
  {
    name: 'Chromium',
    run: (devices) => byPuppeteer(() => launchBrowser('software', { protocolTimeout: MOST_MS }), devices),
  },
  { name: "Debian's Chromium", run: debianChromium },
  { name: 'Firefox ESR', run: firefox },
  { name: 'WebKitGTK', run: webkit },
]
