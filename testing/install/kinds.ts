// The kinds of projects that install the package: what each installs besides, its files, and how it is run.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'puppeteer'
import { openAddress, openSite, siteOf, execute, foundIn, PROBE, TELL, type Found } from './project.ts'
import { PAGES } from './pages.ts'
import { startServer } from './start-server.ts'

export interface Context {
  folder: string
  browser: Browser
  /** runs what the project has installed */
  bin(name: string, ...args: string[]): Promise<string>
}

export interface Kind {
  name: string
  /** packages beside ours */
  installs: string[]
  files: Record<string, string>
  /** null where nothing is run, as of types */
  run(context: Context): Promise<Found | null>
}

const ENTRIES = ['wasm', 'webgpu', 'compress', 'train', 'evaluation', 'study']
const JSON_ESM = '{ "type": "module", "private": true }'

const ESM = `import { pipeline } from 'compact-kernels'
import * as wasm from 'compact-kernels/wasm'
import { probe } from './probe.mjs'
console.log('FOUND ' + JSON.stringify(await probe({ pipeline, ...wasm }, './model', { threads: 2 })))
`

const runtime = (name: string, installs: string[], run: Kind['run']): Kind => ({
  name,
  installs,
  files: { 'package.json': JSON_ESM, 'main.mjs': ESM, 'probe.mjs': PROBE },
  run,
})

const CJS = {
  'package.json': '{ "private": true }',
  'probe.mjs': PROBE,
  'main.cjs': `const { pipeline } = require('compact-kernels')
const wasm = require('compact-kernels/wasm')
for (const entry of ${JSON.stringify(ENTRIES)}) require('compact-kernels/' + entry)
import('./probe.mjs').then(({ probe }) => probe({ pipeline, ...wasm }, './model', { threads: 2 }))
  .then((found) => console.log('FOUND ' + JSON.stringify(found)))
`,
}

const TYPED = `import { pipeline, type TextClassifier } from 'compact-kernels'
import { int8Matmul, quantizeWeight } from 'compact-kernels/wasm'
import { createGpuLinear } from 'compact-kernels/webgpu'
${ENTRIES.map((entry) => `import * as ${entry} from 'compact-kernels/${entry}'`).join('\n')}

const classify: TextClassifier = await pipeline('text-classification', './model', { device: 'cpu' })
const [{ label, score }] = await classify('a good film')
export const words: [string, number] = [label, score]
export const y: Float32Array = await int8Matmul(new Float32Array(8), quantizeWeight(new Float32Array(12), 3, 4))
export const device = (await classify.info()).kind satisfies 'cpu' | 'gpu'
export { createGpuLinear, ${ENTRIES.join(', ')} }
// @ts-expect-error: the options are typed
await pipeline('text-classification', './model', { device: 5 })
`

const types = (version: string, options: Record<string, unknown>): Kind => ({
  name: `TypeScript ${version}, strict, ${String(options.module)}`,
  installs: [`typescript@${version}`],
  files: {
    'package.json': JSON_ESM,
    'main.ts': TYPED,
    'tsconfig.json': JSON.stringify({
      compilerOptions: { strict: true, target: 'es2022', noEmit: true, skipLibCheck: false, types: [], ...options },
    }),
  },
  run: async ({ bin }) => {
    await bin('tsc', '-p', '.')
    return null
  },
})

const PAGE_MAIN = `import { pipeline } from 'compact-kernels'
import { disposeWasm, int8Matmul, quantizeWeight } from 'compact-kernels/wasm'
import { probe } from './probe.mjs'
import { tell } from './tell.js'
tell(probe({ pipeline, disposeWasm, int8Matmul, quantizeWeight }, new URL('model/', location.href).href, { threads: 2 }))
`
const INDEX = '<!doctype html><meta charset="utf-8"><title>app</title><script type="module" src="main.js"></script>'

const bundled = (name: string, installs: string[], files: Record<string, string>, command: string[]): Kind => ({
  name,
  installs,
  files: { 'package.json': JSON_ESM, 'probe.mjs': PROBE, 'tell.js': TELL, 'main.js': PAGE_MAIN, ...files },
  run: async ({ folder, bin, browser }) => {
    const [tool, ...args] = command
    await bin(tool, ...args)
    const files = siteOf(join(folder, 'dist'))
    if (!files.has('index.html')) files.set('index.html', INDEX)
    return openSite(browser, files, { isolated: true })
  },
})

const WORKER_MAIN = PAGE_MAIN.replace(
  "import { pipeline } from 'compact-kernels'",
  "import { pipeline } from 'compact-kernels/worker'",
)
const VITE_WORKER = `export default { build: { target: 'es2022' }, worker: { format: 'es' } }`

const NEXT_FILES = {
  'package.json': '{ "private": true }',
  'app/layout.js': `export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html> }`,
  'app/page.js': `import Answer from './answer'
export default function Page() { return <Answer /> }`,
  'app/answer.js': `'use client'
import { useEffect } from 'react'
import { probe } from '../probe.mjs'
import { tell } from '../tell.js'
export default function Answer() {
  useEffect(() => {
    tell(Promise.all([import('compact-kernels'), import('compact-kernels/wasm')]).then(async ([{ pipeline }, wasm]) => {
      const server = await (await fetch('/api')).json()
      const page = await probe({ pipeline, ...wasm }, new URL('/model/', location.href).href)
      if (Math.abs(server.score - page.score) > 1e-5) throw new Error('the server says ' + server.score + ', the page ' + page.score)
      return page
    }))
  }, [])
  return <p>an answer</p>
}`,
  'app/api/route.js': `import { pipeline } from 'compact-kernels'
import * as wasm from 'compact-kernels/wasm'
import { probe } from '../../probe.mjs'
export const dynamic = 'force-dynamic'
export async function GET() { return Response.json(await probe({ pipeline, ...wasm }, './model')) }`,
  'probe.mjs': PROBE,
  'tell.js': TELL,
}

const WEBPACK = `export default {
  mode: 'production', entry: './main.js', output: { filename: 'main.js', module: true, clean: true },
  experiments: { outputModule: true },
}`

const ROLLUP = `import resolve from '@rollup/plugin-node-resolve'
export default {
  input: 'main.js', output: { dir: 'dist', format: 'es' }, external: [/^node:/, 'webgpu'], plugins: [resolve({ browser: true })],
}`

export const KINDS: Kind[] = [
  runtime('Node, import', [], async ({ folder }) => foundIn(await execute(process.execPath, ['main.mjs'], folder))),
  {
    name: 'Node, require',
    installs: [],
    files: CJS,
    run: async ({ folder }) => foundIn(await execute(process.execPath, ['main.cjs'], folder)),
  },
  {
    name: 'Node 22.12, require',
    installs: ['node@22.12.0'],
    files: CJS,
    run: async ({ bin }) => foundIn(await bin('node', 'main.cjs')),
  },
  types('5.4', { module: 'nodenext' }),
  types('5.9', { module: 'nodenext' }),
  types('5.9', { module: 'preserve' }),
  types('6.0', { module: 'nodenext' }),
  types('6.0', { module: 'preserve' }),
  runtime('Deno', ['deno@2'], async ({ bin }) =>
    foundIn(await bin('deno', 'run', '-A', '--node-modules-dir=manual', 'main.mjs')),
  ),
  runtime('Bun', ['bun@1'], async ({ bin }) => foundIn(await bin('bun', 'main.mjs'))),
  bundled(
    'Vite',
    ['vite@8'],
    { 'index.html': INDEX, 'vite.config.js': `export default { build: { target: 'es2022' } }` },
    ['vite', 'build'],
  ),
  bundled(
    'Vite, the package’s worker',
    ['vite@8'],
    { 'index.html': INDEX, 'vite.config.js': VITE_WORKER, 'main.js': WORKER_MAIN },
    ['vite', 'build'],
  ),
  bundled(
    'webpack, the package’s worker',
    ['webpack@5', 'webpack-cli@6'],
    { 'webpack.config.js': WEBPACK, 'main.js': WORKER_MAIN },
    ['webpack'],
  ),
  bundled('webpack', ['webpack@5', 'webpack-cli@6'], { 'webpack.config.js': WEBPACK }, ['webpack']),
  bundled('rollup', ['rollup@4', '@rollup/plugin-node-resolve@16'], { 'rollup.config.js': ROLLUP }, ['rollup', '-c']),
  bundled('esbuild, split', ['esbuild@0.28'], {}, [
    ...['esbuild', 'main.js', '--bundle', '--splitting', '--format=esm', '--minify', '--outdir=dist'],
    ...['--external:node:*', '--external:webgpu'],
  ]),
  {
    name: 'Next, page and route',
    installs: ['next@16', 'react@19', 'react-dom@19'],
    files: NEXT_FILES,
    run: async ({ folder, bin, browser }) => {
      cpSync(join(folder, 'model'), join(folder, 'public', 'model'), { recursive: true })
      await bin('next', 'build')
      const server = await startServer(join(folder, 'node_modules', '.bin', 'next'), folder)
      try {
        return await openAddress(browser, server.url)
      } finally {
        await server.close()
      }
    },
  },
  ...PAGES.map(({ name, page, options }): Kind => ({
    name: `no bundler: ${name}`,
    installs: [],
    files: { 'package.json': JSON_ESM },
    run: async ({ folder, browser }) => {
      const site = siteOf(join(folder, 'node_modules', 'compact-kernels', 'dist'))
      const files = new Map(
        [...site].map(([path, content]) => [path.startsWith('model/') ? path : `dist/${path}`, content]),
      )
      for (const [path, content] of Object.entries(page)) files.set(path, content)
      return openSite(browser, files, options)
    },
  })),
]
