// The package as it is built, in the kinds of projects that take seconds: npm run check:install has them all.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'puppeteer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildModules, buildSingleFiles } from '../../scripts/package/modules.ts'
import { buildVendor } from '../../scripts/package/vendor.ts'
import { launchBrowser } from '../browser/chromium.ts'
import { PAGES } from './pages.ts'
import { execute, foundIn, MODEL, openSite, PROBE, siteOf, writeProject, type Found } from './project.ts'

const folder = mkdtempSync(join(tmpdir(), 'install-'))
const place = join(folder, 'node_modules', 'compact-kernels')
let browser: Browser

beforeAll(async () => {
  mkdirSync(place, { recursive: true })
  cpSync('package.json', join(place, 'package.json'))
  await buildModules(join(place, 'dist'))
  await buildVendor(join(place, 'dist', 'vendor'))
  await buildSingleFiles(join(place, 'dist'))
  writeProject(folder, {
    'package.json': '{ "type": "module" }',
    'probe.mjs': PROBE,
    'main.mjs': `import { pipeline } from 'compact-kernels'
import * as wasm from 'compact-kernels/wasm'
import { probe } from './probe.mjs'
console.log('FOUND ' + JSON.stringify(await probe({ pipeline, ...wasm }, ${JSON.stringify(MODEL)}, { threads: 2 })))`,
    'main.cjs': `const { pipeline } = require('compact-kernels')
const wasm = require('compact-kernels/wasm')
for (const entry of ['webgpu', 'compress', 'train', 'evaluation', 'study']) require('compact-kernels/' + entry)
import('./probe.mjs').then(({ probe }) => probe({ pipeline, ...wasm }, ${JSON.stringify(MODEL)}, { threads: 2 }))
  .then((found) => console.log('FOUND ' + JSON.stringify(found)))`,
  })
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

const node = async (...args: string[]): Promise<Found> => foundIn(await execute(process.execPath, args, folder))

/** The score of every engine that runs the same build, to the last bits of other dot strategies. */
function expectFound(found: Found, wanted: Found): void {
  expect(found.label).toBe(wanted.label)
  expect(Math.abs(found.score - wanted.score)).toBeLessThan(1e-5)
  expect(found.y).toBeCloseTo(wanted.y, 5)
}

describe('the built package', () => {
  let wanted: Found
  it('is imported by Node', async () => {
    wanted = await node('main.mjs')
    expect(wanted.score).toBeGreaterThan(0.5)
    // gelu(2)
    expect(wanted.y).toBeCloseTo(1.9545, 3)
  })

  it('is required by Node', async () => expectFound(await node('main.cjs'), wanted))

  it('answers on its command line', async () => {
    const command = join(place, 'dist', 'ts', 'cli', 'main.js')
    const output = await execute(process.execPath, [command, 'inspect', MODEL, '--json'], folder)
    expect((JSON.parse(output) as { bytes: number }).bytes).toBeGreaterThan(10_000)
  })

  it('does nothing when its root is imported', async () => {
    await execute(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `const before = Reflect.ownKeys(globalThis).length
         await import('compact-kernels')
         if (Reflect.ownKeys(globalThis).length !== before) throw new Error('the import has put names into globalThis')
         if (process.getActiveResourcesInfo().length > 1) throw new Error(process.getActiveResourcesInfo().join())`,
      ],
      folder,
    )
  })

  it('runs the examples', async () => {
    const names = readdirSync('examples').filter((name) => name.endsWith('.mjs'))
    for (const name of names) cpSync(join('examples', name), join(folder, name))
    const all = names.map((name) => `await import('./${name}'); console.log('END ${name}')`)
    writeProject(folder, { 'all.mjs': all.join('\n') })
    const output = await execute(process.execPath, ['all.mjs', MODEL, '--once'], folder)
    for (const name of names) expect(output).toContain(`END ${name}`)
  })

  it.each(PAGES)('$name', async ({ page, options, threads }) => {
    const files = siteOf(join(place, 'dist'))
    const served = new Map(
      [...files].map(([name, content]) => [name.startsWith('model/') ? name : `dist/${name}`, content]),
    )
    for (const [name, content] of Object.entries(page)) served.set(name, content)
    const found = await openSite(browser, served, options)
    expectFound(found, wanted)
    expect(found.threads).toBe(threads)
    if (threads === 1 && options.headers) expect(found.notes.join()).toContain('give workerUrl')
  })
})
