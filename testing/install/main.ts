// npm run check:install: packs the package, installs it in a fresh project of each kind, runs it there, and prints the table.
// Arguments are parts of names of kinds; without any, all run, and an installation from a bare git clone as well.

import { existsSync, mkdtempSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { markdownTable } from 'markdown-table'
import { launchBrowser } from '../browser/chromium.ts'
import { KINDS, type Context, type Kind } from './kinds.ts'
import { copyModel, execute, foundIn, PROBE, writeProject, type Found } from './project.ts'

const asked = process.argv.slice(2)
const isAsked = (name: string): boolean =>
  asked.length === 0 || asked.some((part) => name.toLowerCase().includes(part.toLowerCase()))

const root = mkdtempSync(join(tmpdir(), 'check-install-'))
const browser = await launchBrowser()
const rows: string[][] = []
let failures = 0
let wanted: Found | null = null

const bytesOf = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true }).reduce(
    (sum, entry) =>
      sum +
      (entry.isDirectory()
        ? bytesOf(join(folder, entry.name))
        : entry.isFile()
          ? statSync(join(folder, entry.name)).size
          : 0),
    0,
  )

const CLOSE = 1e-4

/** @throws where an answer is not that of the first project */
function judge(found: Found | null): string {
  if (!found) return 'types agree'
  wanted ??= found
  if (
    found.label !== wanted.label ||
    !(Math.abs(found.score - wanted.score) < CLOSE) ||
    !(Math.abs(found.y - wanted.y) < CLOSE)
  )
    throw new Error(`it answers ${JSON.stringify(found)}, the first project ${JSON.stringify(wanted)}`)
  return `${found.label} ${found.score.toFixed(4)}, ${found.threads} thread${found.threads > 1 ? 's' : ''}`
}

async function attempt(name: string, work: () => Promise<{ found: Found | null; installed: string }>): Promise<void> {
  const from = performance.now()
  process.stderr.write(`${name} … `)
  const seconds = (): string => ((performance.now() - from) / 1000).toFixed(1)
  try {
    const { found, installed } = await work()
    rows.push([name, installed, seconds(), judge(found)])
    process.stderr.write(`ok, ${seconds()} s\n`)
  } catch (error) {
    failures++
    rows.push([name, '', seconds(), `FAILS: ${(error as Error).message.split('\n')[0]}`])
    process.stderr.write(`FAILS: ${(error as Error).message}\n`)
  }
}

/** Names and versions of what a project asked for besides, as npm has put them there. */
async function versions(kind: Kind, folder: string): Promise<string> {
  const { dependencies = {} } = JSON.parse(await execute('npm', ['ls', '--json', '--depth=0'], folder)) as {
    dependencies?: Record<string, { version: string }>
  }
  const others = Object.entries(dependencies).filter(([name]) => name !== 'compact-kernels')
  return kind.installs.length === 0 ? '' : others.map(([name, { version }]) => `${name} ${version}`).join(', ')
}

async function runKind(kind: Kind, tarball: string, at: number): Promise<{ found: Found | null; installed: string }> {
  // those that install nothing else share a project
  const folder = join(root, kind.installs.length === 0 ? 'alone' : `project-${at}`)
  mkdirSync(folder, { recursive: true })
  writeProject(folder, kind.files)
  copyModel(folder)
  if (!existsSync(join(folder, 'node_modules')))
    await execute('npm', ['install', '--no-audit', '--no-fund', tarball, ...kind.installs], folder)
  const context: Context = {
    folder,
    browser,
    bin: (name, ...args) => execute(join(folder, 'node_modules', '.bin', name), args, folder),
  }
  const found = await kind.run(context)
  const installed = await versions(kind, folder)
  if (kind.installs.length > 0) rmSync(folder, { recursive: true, force: true })
  return { found, installed }
}

async function packed(): Promise<string> {
  process.stderr.write('npm pack …\n')
  const output = await execute('npm', ['pack', '--json', '--pack-destination', root], process.cwd())
  const [{ filename, size, unpackedSize, files }] = JSON.parse(output.slice(output.indexOf('[\n'))) as {
    filename: string
    size: number
    unpackedSize: number
    files: { path: string }[]
  }[]
  const tests = files.filter(({ path }) => /\.test\.|\/testing\//.test(path))
  if (tests.length) throw new Error(`the tarball holds test code: ${tests.map(({ path }) => path).join(', ')}`)
  rows.push([
    'tarball',
    '',
    '',
    `${(size / 1e6).toFixed(2)} MB, ${(unpackedSize / 1e6).toFixed(1)} MB unpacked, ${files.length} files`,
  ])
  return join(root, filename)
}

/** What an installation puts into node_modules. */
async function weigh(tarball: string): Promise<void> {
  const folder = join(root, 'weight')
  mkdirSync(folder)
  writeProject(folder, { 'package.json': '{ "private": true }' })
  await execute('npm', ['install', '--no-audit', '--no-fund', tarball], folder)
  const packages = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))
  rows.push([
    'node_modules',
    '',
    '',
    `${(bytesOf(join(folder, 'node_modules')) / 1e6).toFixed(1)} MB: ${packages.join(', ')}`,
  ])
}

/** As `npm install git+…` does it: a clone, its development packages, the script prepare. */
async function fromGit(): Promise<{ found: Found | null; installed: string }> {
  const bare = join(root, 'bare.git')
  await execute('git', ['clone', '--quiet', '--bare', process.cwd(), bare], root)
  const folder = join(root, 'from-git')
  mkdirSync(folder)
  copyModel(folder)
  writeProject(folder, {
    'package.json': '{ "type": "module", "private": true }',
    'probe.mjs': PROBE,
    'main.mjs': `import { pipeline } from 'compact-kernels'
import * as wasm from 'compact-kernels/wasm'
import { probe } from './probe.mjs'
console.log('FOUND ' + JSON.stringify(await probe({ pipeline, ...wasm }, './model', { threads: 2 })))`,
  })
  await execute('npm', ['install', '--no-audit', '--no-fund', `git+file://${bare}`], folder, 600)
  return { found: foundIn(await execute(process.execPath, ['main.mjs'], folder)), installed: 'the last commit' }
}

try {
  const tarball = await packed()
  await weigh(tarball)
  for (const [at, kind] of KINDS.entries())
    if (isAsked(kind.name)) await attempt(kind.name, () => runKind(kind, tarball, at))
  if (isAsked('git')) await attempt('git install from a bare clone', fromGit)
} finally {
  await browser.close()
  rmSync(root, { recursive: true, force: true })
}
console.log(markdownTable([['project', 'with', 'seconds', 'result'], ...rows]))
process.exitCode = failures > 0 ? 1 : 0
