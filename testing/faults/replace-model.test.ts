// A model that is written over another: whatever happens in between, the folder holds the old one or the new one.

import { spawn } from 'node:child_process'
import fsp from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModel } from '../../ts/model/load.ts'
import { encodeModel, saveModel } from '../../ts/model/save.ts'
import { syntheticModel } from '../models.ts'

const OLD = syntheticModel('f32', 3)
const NEW = syntheticModel('int8', 4)
/** Of no process: above the largest that Linux gives. */
const DEAD_PID = 2 ** 22 + 1

let root: string
beforeAll(async () => void (root = await fsp.mkdtemp(join(tmpdir(), 'replace-'))))
afterAll(() => fsp.rm(root, { recursive: true }))

const bytesOf = (model: typeof OLD): string =>
  Buffer.from(encodeModel(model)['model.safetensors'] as Uint8Array).toString('base64')

const writeOld = async (folder: string): Promise<void> => {
  await saveModel(OLD, folder, { files: { 'vocab.txt': 'old\n' } })
  await fsp.writeFile(join(folder, 'README.md'), 'mine')
}
const writeNew = (folder: string): Promise<unknown> => saveModel(NEW, folder, { files: { 'vocab.txt': 'new\n' } })

/** 'old' or 'new'; fails where the parts are not of one model. */
async function whatIsIn(folder: string): Promise<string> {
  const { weights, tokenizerFiles } = await loadModel(folder)
  const vocabulary = tokenizerFiles['vocab.txt'].trim()
  const model = { [bytesOf(OLD)]: 'old', [bytesOf(NEW)]: 'new' }[bytesOf(weights)]
  expect(model, `weights beside the vocabulary '${vocabulary}'`).toBe(vocabulary)
  expect(await fsp.readFile(join(folder, 'README.md'), 'utf8')).toBe('mine')
  return vocabulary
}

/**
 * Calls `work` on a disk that answers `atMost` changes and then none, as after a kill: what would clean up cannot either.
 * @returns whether it came to its end
 */
async function killedAfter(atMost: number, work: () => Promise<unknown>): Promise<boolean> {
  const names = ['open', 'mkdir', 'rename', 'rm', 'link', 'symlink', 'chmod', 'writeFile'] as const
  const real = Object.fromEntries(names.map((name) => [name, fsp[name]]))
  const pid = process.pid
  let done = 0
  const counted =
    (name: (typeof names)[number]) =>
    (...given: unknown[]): unknown => {
      const isRead = name === 'open' && given[1] === 'r'
      if (!isRead && ++done > atMost) return Promise.reject(Object.assign(new Error('killed'), { code: 'KILLED' }))
      return (real[name] as (...given: unknown[]) => unknown)(...given)
    }
  for (const name of names) Object.assign(fsp, { [name]: counted(name) })
  syncBuiltinESMExports()
  Object.defineProperty(process, 'pid', { value: DEAD_PID })
  try {
    await work()
    return true
  } catch {
    return false
  } finally {
    Object.assign(fsp, real)
    syncBuiltinESMExports()
    Object.defineProperty(process, 'pid', { value: pid })
  }
}

describe('a model over a model', () => {
  it('is the old one or the new one after a kill at every change of the disk, and leaves nothing beside', async () => {
    const seen: string[] = []
    for (let changes = 0, isDone = false; !isDone; changes++) {
      const folder = join(root, 'killed', String(changes), 'model')
      await writeOld(folder)
      isDone = await killedAfter(changes, () => writeNew(folder))
      seen.push(await whatIsIn(folder))
      // the next writer finds what was left
      await writeNew(folder)
      expect(await whatIsIn(folder)).toBe('new')
      expect(await fsp.readdir(join(folder, '..'))).toEqual(['model'])
    }
    expect(seen.length).toBeGreaterThan(8)
    expect(new Set(seen)).toEqual(new Set(['old', 'new']))
    expect(seen.at(-1)).toBe('new')
  })

  it('is old or new after SIGKILL behind each rename', async () => {
    const seen = await Promise.all(
      [1, 2, 3].map(async (renames) => {
        const folder = join(root, `sigkill-${renames}`, 'model')
        await writeOld(folder)
        const child = spawn(process.execPath, [join(import.meta.dirname, 'die-at-rename.ts'), folder, String(renames)])
        const signal = await new Promise((resolve) => child.on('exit', (_, by) => resolve(by)))
        expect(signal).toBe('SIGKILL')
        return whatIsIn(folder)
      }),
    )
    // made whole beside, the old one aside, the new one in its place
    expect(seen).toEqual(['old', 'new', 'new'])
  })

  it('keeps the old one where the disk fills up or refuses, and says so', async () => {
    for (const code of ['ENOSPC', 'EROFS', 'EACCES']) {
      const folder = join(root, code, 'model')
      await writeOld(folder)
      const { rename } = fsp
      Object.assign(fsp, { rename: () => Promise.reject(Object.assign(new Error(`${code}: no`), { code })) })
      syncBuiltinESMExports()
      try {
        await expect(writeNew(folder)).rejects.toThrow(
          new RegExp(`model could not be written \\(${code}: no\\); nothing was changed`),
        )
      } finally {
        Object.assign(fsp, { rename })
        syncBuiltinESMExports()
      }
      expect(await whatIsIn(folder)).toBe('old')
      expect(await fsp.readdir(join(folder, '..'))).toEqual(['model'])
    }
  })

  it('loses none of two writers: one stays whole, and both succeed', async () => {
    for (const isThere of [true, false]) {
      const folder = join(root, `two-${isThere}`, 'model')
      if (isThere) await writeOld(folder)
      await Promise.all(Array.from({ length: 8 }, () => writeNew(folder)))
      const { tokenizerFiles } = await loadModel(folder)
      expect(tokenizerFiles['vocab.txt']).toBe('new\n')
      expect(await fsp.readdir(join(folder, '..'))).toEqual(['model'])
    }
  })

  it('replaces where a link points, and neither a device nor a file', async () => {
    const folder = join(root, 'linked', 'model')
    await writeOld(folder)
    await fsp.symlink('model', join(root, 'linked', 'link'))
    await writeNew(join(root, 'linked', 'link'))
    expect(await whatIsIn(folder)).toBe('new')
    await fsp.writeFile(join(root, 'file'), '')
    await expect(saveModel(NEW, join(root, 'file'))).rejects.toThrow(
      /file could not be written \(it is a file, expected a/,
    )
    await expect(saveModel(NEW, '/dev/null')).rejects.toThrow(/it is a device or a pipe/)
  })

  it('carries digests that sha256sum reads', async () => {
    const folder = join(root, 'sums')
    await writeNew(folder)
    const sums = await fsp.readFile(join(folder, 'SHA256SUMS'), 'utf8')
    expect(sums).toMatch(/^([0-9a-f]{64} {2}\S+\n){4}$/)
    const check = spawn('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: folder })
    expect(await new Promise((resolve) => check.on('exit', resolve))).toBe(0)
  })
})
