// The examples that need a GPU, on the sources and the adapter that there is; testing/install runs all of them in a fresh
// project, which has no adapter.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const names = readdirSync(join(root, 'examples')).filter((name) => name.startsWith('gpu-'))
// inside the tree, so that the packages of Node's GPU are found
mkdirSync(join(root, 'build'), { recursive: true })
const folder = mkdtempSync(join(root, 'build', 'examples-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('there are some', () => expect(names.length).toBeGreaterThan(0))

it.each(names)('%s', (name) => {
  const sources = pathToFileURL(join(root, 'ts', 'webgpu.ts')).href
  const code = readFileSync(join(root, 'examples', name), 'utf8').replace("'compact-kernels/webgpu'", `'${sources}'`)
  writeFileSync(join(folder, name), code)
  const output = execFileSync(process.execPath, [join(folder, name)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  expect(output).not.toContain('no GPU here')
  expect(output).toMatch(/y\[0\] Float32Array\(4\) \[/)
})
