// What the package is made of: licences, files that are no text, no network without a name, and a build that repeats.

import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { loadModel, pipeline, tokenizerFromVocabulary } from '../ts/index.ts'
import { checkSums } from '../ts/io/sums.node.ts'
import { binaryFiles } from './binaries.ts'
import { bomOf, componentsOf, licencesOf } from './sbom.ts'
import { buildModules } from './package/modules.ts'

const ROOT = new URL('..', import.meta.url)
const json = <T>(path: string): T => JSON.parse(readFileSync(new URL(path, ROOT), 'utf8')) as T

/** Licences that ask no more of who ships the package than to name its authors. */
const PERMISSIVE =
  /^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|Unlicense|CC0-1\.0|Python-2\.0|CC-BY-[34]\.0|MPL-2\.0)\b/

it.each(['app/models/mail', 'app/models/sentiment', 'models/encoder'])(
  '%s has the files that SHA256SUMS lists',
  async (path) => {
    const files = await checkSums(fileURLToPath(new URL(path, ROOT)))
    expect(files.map((file) => file.name)).toContain('model.safetensors')
    for (const file of files) expect(file).toMatchObject({ state: 'as written' })
  },
)

it('the newest release of the changelog is the version of the package, and unreleased changes come before it', () => {
  const titles = [...readFileSync(new URL('CHANGELOG.md', ROOT), 'utf8').matchAll(/^## \[(.+?)\](?: - (\S+))?$/gm)]
  expect(titles[0][1]).toBe('Unreleased')
  expect(titles[1][1]).toBe(json<{ version: string }>('package.json').version)
  const dates = titles.slice(1).map(([, , date]) => date)
  for (const date of dates) expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/)
  expect(dates).toEqual([...dates].sort().reverse())
})

describe('packages', () => {
  const components = componentsOf(json('package-lock.json'))

  it('have a licence each, a permissive one where users install them', () => {
    expect(components.length).toBeGreaterThan(100)
    expect(licencesOf(components).map(([licence]) => licence)).not.toContain('')
    const shipped = components.filter(({ scope }) => scope === 'required')
    expect(shipped.map(({ name }) => name)).toContain('@huggingface/tokenizers')
    for (const [licence] of licencesOf(shipped)) expect(licence).toMatch(PERMISSIVE)
  })

  it('are listed with digests, the same each time', () => {
    const [first] = components
    expect(first.purl).toMatch(/^pkg:npm\/.+@\d/)
    expect(components.filter(({ hashes }) => !hashes)).toEqual([])
    const manifest = { name: 'a', version: '1.0.0', license: 'MIT' }
    expect(JSON.stringify(bomOf(manifest, components))).toBe(
      JSON.stringify(bomOf(manifest, componentsOf(json('package-lock.json')))),
    )
  })
})

it('every file that is no text says what made it', () => {
  const files = binaryFiles()
  expect(files.length).toBeGreaterThan(10)
  expect(files.filter(({ made }) => made === '').map(({ path }) => path)).toEqual([])
})

it('without a hub name or an address nothing is asked of a network', async () => {
  const connects = vi.spyOn(net.Socket.prototype, 'connect').mockImplementation(() => {
    throw new Error('a connection was tried')
  })
  const fetches = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('a request was tried'))
  try {
    const { weights } = await loadModel('preset:tiny')
    const tokenizer = tokenizerFromVocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a'], { lowercase: true })
    const classify = await pipeline('text-classification', { weights, tokenizer }, { device: 'cpu', threads: 1 })
    expect(await classify('a')).toHaveLength(1)
    await classify.dispose()
    await expect(loadModel('./no/such/folder')).rejects.toThrow(/there is no folder/)
    expect(connects).not.toHaveBeenCalled()
    expect(fetches).not.toHaveBeenCalled()
  } finally {
    connects.mockRestore()
    fetches.mockRestore()
  }
})

it('two builds of the modules are equal', async () => {
  const digests: string[] = []
  const root = await mkdtemp(join(fileURLToPath(ROOT), 'build/repeat-'))
  try {
    for (const part of ['a', 'b']) {
      const out = join(root, part)
      await buildModules(out)
      const hash = createHash('sha256')
      for (const name of globSync('**/*.{js,map}', { cwd: out }).sort())
        hash.update(`${name}\0`).update(readFileSync(join(out, name)))
      digests.push(hash.digest('hex'))
    }
  } finally {
    await rm(root, { recursive: true })
  }
  expect(digests[1]).toBe(digests[0])
})
