// A contender in a page of headless Chromium, each in a browser of its own.

import { build } from 'esbuild'
import { builtinModules } from 'node:module'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchBrowser, type BrowserAdapter } from '../../testing/browser/chromium.ts'
import { serve, type Files } from '../../testing/browser/server.ts'
import { packageFiles, packageVersion } from '../peers/packages.ts'
import type { Reply } from './answer.ts'
import type { Channel } from './channel.ts'
import { treeCpuMs } from './cpu-time.ts'
import { version } from './version.ts'
import { replyOf, toJson } from './json.ts'
import type { Ask } from './page.ts'

export interface PageContender {
  /** module with `createContender`, relative to bench/lib */
  module: string
  /** the peer's package, and the folder of it that is served as `package/`, if any */
  package?: { name: string; folder?: string }
  /** another whose folder is served there too */
  beside?: { name: string; folder: string }
}

/** Contenders of whole models that can run in a page. */
export const MODEL_PAGES: Record<string, PageContender> = {
  'compact-kernels': { module: '../contenders/ours.page.ts' },
  'ort-webgpu': { module: '../peers/ort-webgpu.page.ts', package: { name: 'onnxruntime-web', folder: 'dist' } },
  'jax-webgpu': { module: '../peers/jax-webgpu.page.ts', package: { name: '@jax-js/jax' } },
  'ort-web': { module: '../peers/ort-web.page.ts', package: { name: 'onnxruntime-web', folder: 'dist' } },
}

/** Contenders of whole texts that can run in a page. */
export const TEXT_PAGES: Record<string, PageContender> = {
  'compact-kernels-texts': { module: '../contenders/ours-texts.page.ts' },
  start: { module: '../contenders/start.page.ts' },
  stages: { module: '../contenders/stages.page.ts' },
  'transformers-js': {
    module: '../peers/transformers-js.page.ts',
    package: { name: '@huggingface/transformers', folder: 'dist' },
    beside: { name: '@huggingface/transformers/node_modules/onnxruntime-web', folder: 'dist' },
  },
}

declare const ask: Ask

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

async function bundle(contender: PageContender): Promise<Files> {
  const engineVersion = contender.package ? packageVersion(contender.package.name) : version()
  const { outputFiles } = await build({
    entryPoints: { page: path('./page.ts'), contender: path(contender.module) },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    external: ['node:*', 'webgpu', ...builtinModules],
    define: { ENGINE_VERSION: JSON.stringify(engineVersion) },
    outdir: 'bundle',
    write: false,
    logLevel: 'silent',
  })
  const files: Files = new Map(outputFiles.map((file) => [basename(file.path), file.contents]))
  files.set('index.html', '<!doctype html><title>bench</title><script type="module" src="page.js"></script>')
  for (const served of [contender.package, contender.beside])
    if (served?.folder)
      for (const [name, url] of packageFiles(served.name, served.folder)) files.set(`package/${name}`, url)
  return files
}

/**
 * Starts a browser and opens the page of a contender.
 * @param given files that the page may fetch
 * @param adapter the browser's software adapter, or the machine's own GPU
 * @param isolated cross-origin isolated: only then has a page shared memory, and so threads
 */
export async function chromiumChannel(
  contender: PageContender,
  given: Map<string, URL>,
  isolated: boolean,
  adapter: BrowserAdapter = 'software',
): Promise<Channel & { browser: string }> {
  const files = await bundle(contender)
  for (const [served, url] of given) files.set(served, url)
  const server = await serve(files, isolated)
  const browser = await launchBrowser(adapter)
  const problems: string[] = []
  try {
    const page = await browser.newPage()
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`))
    await page.goto(server.url)
    await page.waitForFunction('"ask" in globalThis', { timeout: 20_000 })
    let listener: ((reply: Reply) => void) | null = null
    return {
      foreign: true,
      browser: await browser.version(),
      cpuMs: () => treeCpuMs(browser.process()!.pid!),
      send(request) {
        page
          .evaluate((text) => ask(text), toJson(request))
          .then(
            async (text) => {
              listener?.(replyOf(text))
              if (request.verb === 'dispose') await browser.close()
            },
            (error: unknown) => listener?.({ verb: 'error', message: [String(error), ...problems].join('; ') }),
          )
          .catch(() => browser.process()?.kill('SIGKILL'))
      },
      listen(reply, ended) {
        listener = reply
        browser.on('disconnected', () => {
          ended(['the browser closed', ...problems].join('; '))
          void server.close()
        })
      },
      kill: () => void browser.process()?.kill('SIGKILL'),
    }
  } catch (error) {
    await browser.close()
    await server.close()
    throw new Error(`the page of ${contender.module} did not open: ${[String(error), ...problems].join('; ')}`, {
      cause: error,
    })
  }
}
