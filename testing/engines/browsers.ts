// Engines with a page: Chromium from npm, Firefox and WebKit from Debian.

import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import puppeteer, { type Browser } from 'puppeteer'
import { launchBrowser } from '../browser/chromium.ts'
import { serve, type Files } from '../browser/server.ts'
import type { EngineAnswer } from './checks.ts'

const MOST_MS = 300_000
const LOOK_MS = 500

/** The page with everything in one file: lazy parts as well. */
async function bundle(): Promise<Files> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'page.ts')],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['node:*', 'webgpu', ...builtinModules],
    outfile: 'page.js',
    write: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'files of Node',
        setup: ({ onLoad }) => onLoad({ filter: /\.node\.ts$/ }, () => ({ contents: 'export {}', loader: 'js' })),
      },
    ],
  })
  const html = '<!doctype html><title>engines</title><script type="module" src="page.js"></script>'
  return new Map<string, string | Uint8Array>([
    ['index.html', html],
    ['page.js', outputFiles[0].contents],
  ])
}

/** Waits for the page's answer, which `look` reads. */
async function answerOf(look: () => Promise<unknown>): Promise<EngineAnswer> {
  for (const end = performance.now() + MOST_MS; performance.now() < end;) {
    const found = await look()
    if (typeof found === 'string') return JSON.parse(found) as EngineAnswer
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  throw new Error(`the page gave no answer for ${MOST_MS / 1000} s`)
}

async function byPuppeteer(open: () => Promise<Browser>): Promise<EngineAnswer> {
  const server = await serve(await bundle(), true)
  const browser = await open()
  try {
    const page = await browser.newPage()
    await page.goto(server.url)
    return await answerOf(() => page.evaluate(() => (globalThis as { result?: string }).result ?? null))
  } finally {
    await browser.close()
    await server.close()
  }
}

const needs = (path: string | undefined, debian: string): string => {
  if (path && existsSync(path)) return path
  throw new Error(`not installed: apt-get install ${debian}`)
}

const firefox = (): Promise<EngineAnswer> => {
  const executablePath = needs('/usr/bin/firefox-esr', 'firefox-esr')
  // the driver of llvmpipe: without it Firefox finds no adapter where there is no GPU
  if (globSync('/usr/share/vulkan/icd.d/*.json').length === 0)
    process.stderr.write('Firefox ESR: no Vulkan driver, so no WebGPU: apt-get install mesa-vulkan-drivers\n')
  const extraPrefsFirefox = {
    'dom.webgpu.enabled': true,
    'gfx.webgpu.ignore-blocklist': true,
    'dom.webgpu.allow-present-without-readback': true,
    'gfx.webrender.software': true,
  }
  return byPuppeteer(() => puppeteer.launch({ browser: 'firefox', executablePath, headless: true, extraPrefsFirefox }))
}

const PORT = 4567

/** WebKit by its own driver: it has no protocol that puppeteer speaks. */
async function webkit(): Promise<EngineAnswer> {
  const driver = needs('/usr/bin/WebKitWebDriver', 'webkit2gtk-driver xvfb')
  const binary = needs(globSync('/usr/lib/*/webkit2gtk-4.*/MiniBrowser')[0], 'webkit2gtk-driver')
  needs('/usr/bin/xvfb-run', 'xvfb')
  const server = await serve(await bundle(), true)
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
    await post(`/session/${session}/url`, { url: server.url })
    const script = { script: 'return globalThis.result ?? null', args: [] }
    return await answerOf(() => post(`/session/${session}/execute/sync`, script))
  } finally {
    // the whole group: xvfb-run leaves its display behind otherwise
    if (running.pid) process.kill(-running.pid)
    await server.close()
  }
}

export const BROWSERS: { name: string; run: () => Promise<EngineAnswer> }[] = [
  { name: 'Chromium', run: () => byPuppeteer(() => launchBrowser()) },
  { name: 'Firefox ESR', run: firefox },
  { name: 'WebKitGTK', run: webkit },
]
