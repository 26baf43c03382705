// The page of app/, built as it is shipped, opened in the browser under test, with everything that went wrong in it.

import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'puppeteer'
import { build, type Rolldown } from 'vite'
import type { Files } from './server.ts'

/** The files of `npm run app:build`. */
export async function buildApp(): Promise<Files> {
  const root = fileURLToPath(new URL('../../app/', import.meta.url))
  const built = (await build({ root, logLevel: 'error', build: { write: false } })) as Rolldown.RolldownOutput
  return new Map(built.output.map((part) => [part.fileName, part.type === 'chunk' ? part.code : part.source]))
}

export interface OpenedApp {
  page: Page
  /** errors of scripts and of the console, and requests to other servers: a walk ends with none */
  problems: string[]
  /** Waits until nothing is under way in the form. */
  answered(): Promise<void>
  text(selector: string): Promise<string>
  close(): Promise<void>
}

/** @param before is called before the page loads */
export async function openApp(
  browser: Browser,
  address: string,
  before?: (page: Page) => Promise<unknown>,
): Promise<OpenedApp> {
  // a context of its own: no service worker, cache or permission of another walk
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  const problems: string[] = []
  const { origin } = new URL(address)
  page.on('pageerror', (error) => problems.push(`page: ${String(error)}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') problems.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin)
      problems.push(`foreign request: ${request.url()}`)
  })
  await before?.(page)
  await page.goto(address)
  return {
    page,
    problems,
    answered: async () => {
      await page.waitForFunction(
        'document.querySelector("#answers > *") && document.querySelector("#answers").getAttribute("aria-busy") === "false"',
        { timeout: 30_000 },
      )
    },
    text: (selector) => page.$eval(selector, (found) => (found as HTMLElement).innerText),
    close: () => context.close(),
  }
}
