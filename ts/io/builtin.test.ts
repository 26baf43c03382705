import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadModel } from '../model/load.ts'
import { builtinFolder } from './builtin.node.ts'

const root = await mkdtemp(join(tmpdir(), 'builtin-'))
afterAll(() => rm(root, { recursive: true, force: true }))

describe('builtin models', () => {
  it('are found where the package is, and nowhere else', async () => {
    const folder = join(root, 'clone', 'models', 'encoder')
    await mkdir(folder, { recursive: true })
    await mkdir(join(root, 'tarball', 'models', 'encoder'), { recursive: true })
    // the card travels without the weights
    await writeFile(join(root, 'tarball', 'models', 'encoder', 'MODEL_CARD.md'), '# encoder')
    await writeFile(join(folder, 'model.safetensors'), '')
    const roots = [join(root, 'nowhere'), join(root, 'clone')]
    expect(await builtinFolder('builtin:encoder', roots)).toBe(folder)
    await expect(builtinFolder('builtin:encoder', [join(root, 'tarball')])).rejects.toThrow(
      'builtin:encoder is not here: the package from npm holds no models. Clone the repository, where it is models/encoder, or give the path of that folder',
    )
  })

  it('have names', async () => {
    await expect(loadModel('builtin:other')).rejects.toThrow("no model 'builtin:other'; there is builtin:encoder")
  })
})

// Next's compiler takes such an address for a file to bundle, and fails where its name is not written out.
it('no source of the package has an address beside it whose name is not written out', async () => {
  const sources = await Promise.all(
    ['ts', 'kernels'].map(async (folder) => {
      const files = await readdir(folder, { recursive: true })
      return files.filter((file) => /(?<!test)\.ts$/.test(file)).map((file) => join(folder, file))
    }),
  )
  expect(sources.flat().length).toBeGreaterThan(300)
  for (const file of sources.flat()) {
    const text = await readFile(file, 'utf8')
    expect(text.match(/new URL\((?!'[^']*', import\.meta\.url\))[^)]*import\.meta\.url/g), file).toBeNull()
  }
})
