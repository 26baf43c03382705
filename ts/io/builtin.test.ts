import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
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
