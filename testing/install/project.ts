// Fresh projects that install the package as their users do, and what each of them must find.

import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'puppeteer'
import { serve, type Files } from '../browser/server.ts'

/** A model of 14 kB, int8, which every project classifies a text with. */
export const MODEL = fileURLToPath(new URL('../compatibility/fixtures/q8-e8/', import.meta.url))

/** What a project tells: the answer of a pipeline and of a kernel, and how they ran. */
export interface Found {
  label: string
  score: number
  y: number
  threads: number
  notes: string[]
}

/** Takes the package's exports, however they were imported. */
export const PROBE = `
export async function probe({ pipeline, int8Matmul, quantizeWeight, disposeWasm }, model, options = {}) {
  const classify = await pipeline('text-classification', model, { device: 'cpu', ...options })
  const [{ label, score }] = await classify('a good film and a bad plot')
  const { threads, notes } = classify.info()
  await classify.dispose()
  const weight = quantizeWeight(new Float32Array(12).fill(0.5), 3, 4)
  const [y] = await int8Matmul(new Float32Array(8).fill(1), weight, { activation: 'gelu' })
  await disposeWasm()
  return { label, score, y, threads, notes }
}
`

/** Runs a command; its output, or an error that holds it. */
export function execute(command: string, args: string[], cwd: string, seconds = 300): Promise<string> {
  // what npm tells its scripts of the project that runs this must not reach the projects
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(?!config_registry)/i.test(name)),
  )
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, env: { ...env, CI: '1', NEXT_TELEMETRY_DISABLED: '1' }, timeout: seconds * 1000, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout)
        const tail = `${stdout}\n${stderr}`.trim().split('\n').slice(-12).join('\n')
        reject(new Error(`${command} ${args.join(' ')}: ${tail || error.message}`))
      },
    )
  })
}

export function writeProject(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** The line that a project prints. */
export function foundIn(output: string): Found {
  const line = output.split('\n').find((candidate) => candidate.startsWith('FOUND '))
  if (!line) throw new Error(`the project printed no result: ${output.slice(-500)}`)
  return JSON.parse(line.slice('FOUND '.length)) as Found
}

/** A page's files: those of a folder, and the model under model/. */
export function siteOf(folder: string, page: Record<string, string> = {}): Files {
  const files: Files = new Map(Object.entries(page))
  const add = (from: string, to: string): void => {
    for (const name of readdirSync(from))
      if (statSync(join(from, name)).isDirectory()) add(join(from, name), `${to}${name}/`)
      else files.set(`${to}${name}`, readFileSync(join(from, name)))
  }
  add(folder, '')
  add(MODEL, 'model/')
  return files
}

export interface PageOptions {
  isolated?: boolean
  headers?: Record<string, string>
}

/** Opens index.html and waits for `globalThis.found` or `globalThis.failed`. */
export async function openSite(browser: Browser, files: Files, options: PageOptions = {}): Promise<Found> {
  const server = await serve(files, options.isolated ?? false, options.headers)
  try {
    return await openAddress(browser, server.url)
  } finally {
    await server.close()
  }
}

export async function openAddress(browser: Browser, url: string): Promise<Found> {
  const page = await browser.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => problems.push(message.text()))
  try {
    await page.goto(url)
    await page.waitForFunction('globalThis.found || globalThis.failed', { timeout: 30_000 })
    const failed = await page.evaluate('globalThis.failed')
    if (failed) throw new Error(String(failed))
    return (await page.evaluate('globalThis.found')) as Found
  } catch (error) {
    throw new Error(`${(error as Error).message}; the page said: ${problems.join('; ') || 'nothing'}`, { cause: error })
  } finally {
    await page.close()
  }
}

/** A page's script that leaves what it finds to be read. */
export const TELL = `
export const tell = (promise) =>
  promise.then((found) => (globalThis.found = found), (error) => (globalThis.failed = error.stack ?? String(error)))
`

export const copyModel = (folder: string): void => cpSync(MODEL, join(folder, 'model'), { recursive: true })
