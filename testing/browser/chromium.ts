// Headless Chromium from npm, with WebGPU on its software adapter, or on the machine's own GPU where a bench asks for it.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import puppeteer, { type Browser } from 'puppeteer'

const ARGUMENTS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--enable-unsafe-webgpu',
]

/** Zeroing workgroup memory by an extension makes SwiftShader compile for seconds, as in kernels/webgpu/adapter.node.ts. */
const QUICK_TO_COMPILE = '--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension'

/** 'software canvas': on the software adapter, with canvases that WebGPU can draw on; slower to start */
export type BrowserAdapter = 'software' | 'software canvas' | 'real'

const ADAPTERS: Record<BrowserAdapter, string[]> = {
  software: ['--use-webgpu-adapter=swiftshader', QUICK_TO_COMPILE],
  'software canvas': [
    '--use-webgpu-adapter=swiftshader',
    QUICK_TO_COMPILE,
    '--enable-features=Vulkan',
    '--use-vulkan=swiftshader',
    '--use-angle=swiftshader',
    '--ignore-gpu-blocklist',
  ],
  real: ['--enable-features=Vulkan', '--ignore-gpu-blocklist', '--enable-webgpu-developer-features'],
}

/** What any Chromium is started with. */
export const chromiumArguments = (adapter: BrowserAdapter): string[] => [...ARGUMENTS, ...ADAPTERS[adapter]]

/** Where @sparticuz/chromium keeps its archives, and its version. */
function packageFolder(): { bin: string; version: string } {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  let folder = dirname(entry)
  while (!existsSync(join(folder, 'bin', 'chromium.br'))) {
    if (dirname(folder) === folder)
      throw new Error(`@sparticuz/chromium: no bin/chromium.br above ${entry}; run npm ci`)
    folder = dirname(folder)
  }
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return { bin: join(folder, 'bin'), version }
}

const decompress = (from: string, to: string): Promise<void> =>
  pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to))

/**
 * Unpacks the browser once per version into the temporary folder. The package's own unpacking takes a half-written file
 * of another process for a whole one; here a finished folder is renamed into place.
 */
async function unpack(): Promise<string> {
  const { bin, version } = packageFolder()
  const folder = join(tmpdir(), `compact-kernels-chromium-${version}`)
  if (existsSync(join(folder, 'chromium'))) return folder
  const partial = mkdtempSync(join(tmpdir(), 'compact-kernels-chromium-partial-'))
  try {
    await decompress(join(bin, 'chromium.br'), join(partial, 'chromium'))
    chmodSync(join(partial, 'chromium'), 0o755)
    // swiftshader lies beside the browser; al2023 holds lib/ with the shared libraries that bare systems lack
    for (const archive of ['swiftshader', 'al2023', 'fonts']) {
      const tar = join(partial, `${archive}.tar`)
      await decompress(join(bin, `${archive}.tar.br`), tar)
      execFileSync('tar', ['-xf', tar, '-C', partial])
      rmSync(tar)
    }
    try {
      renameSync(partial, folder)
    } catch (error) {
      // another process was first
      if (!existsSync(join(folder, 'chromium'))) throw error
    }
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  return folder
}

/**
 * Starts the browser with a fresh profile, which puppeteer removes when it closes.
 * @throws with everything that was tried where it does not start
 */
export async function launchBrowser(
  adapter: BrowserAdapter = 'software',
  options: { protocolTimeout?: number } = {},
): Promise<Browser> {
  const tried: string[] = []
  const folder = await unpack()
  const executablePath = join(folder, 'chromium')
  const args = chromiumArguments(adapter)
  const own = process.env.LD_LIBRARY_PATH
  // First with the system's libraries, then with the package's own beside them.
  for (const libraries of [own, [join(folder, 'lib'), own].filter(Boolean).join(':')]) {
    try {
      return await puppeteer.launch({
        ...options,
        executablePath,
        headless: 'shell',
        args,
        env: { ...process.env, ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}) },
        timeout: 20_000,
      })
    } catch (error) {
      tried.push(`LD_LIBRARY_PATH=${libraries ?? ''}: ${(error as Error).message.trim()}`)
    }
  }
  throw new Error(`Chromium does not start. Tried ${executablePath} ${args.join(' ')} with\n${tried.join('\n')}`)
}
