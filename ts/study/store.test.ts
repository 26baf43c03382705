import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderDigest } from '../io/folder.node.ts'
import { keyOf, lockStudy, openStore } from './store.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'study-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('folderDigest', () => {
  it('changes with a name and with a content, not with time', async () => {
    const path = join(folder, 'config.json')
    await writeFile(path, 'one')
    const digest = await folderDigest(folder)
    await writeFile(path, 'one')
    expect(await folderDigest(folder)).toBe(digest)
    await writeFile(path, 'two')
    const other = await folderDigest(folder)
    await writeFile(join(folder, 'README.md'), 'no part of the model')
    expect(await folderDigest(folder)).toBe(other)
    await rename(path, join(folder, 'vocab.txt'))
    expect(new Set([digest, other, await folderDigest(folder)]).size).toBe(3)
  })
})

describe('openStore', () => {
  it('gives a stage back to the same key alone', async () => {
    const store = await openStore(folder, { seed: 1 }, false)
    await store.write('row-nm2:4', 'k1', { f1: 0.5 })
    expect(await store.read('row-nm2:4', 'k1')).toEqual({ f1: 0.5 })
    expect(await store.read('row-nm2:4', 'k2')).toBeNull()
    expect(await store.read('row-q8', 'k1')).toBeNull()
    expect(await readdir(join(folder, 'stages'))).toEqual(['row-nm2-4.json'])
  })

  it('stops where the options differ, and says which', async () => {
    await openStore(folder, { seed: 1, data: 'a.csv' }, false)
    await openStore(folder, { seed: 1, data: 'a.csv' }, false)
    await expect(openStore(folder, { seed: 2, data: 'a.csv' }, false)).rejects.toThrow(
      /seed was 1, now 2\. Choose another folder, give the same options, or start anew with --fresh/,
    )
  })

  it('starts anew with fresh', async () => {
    const store = await openStore(folder, { seed: 1 }, false)
    await store.write('row-q8', 'k', 1)
    const again = await openStore(folder, { seed: 2 }, true)
    expect(await again.read('row-q8', 'k')).toBeNull()
  })

  it('leaves no half-written model where its making fails', async () => {
    const store = await openStore(folder, { seed: 1 }, false)
    const { mkdir } = await import('node:fs/promises')
    const fill = (text: string, fails: boolean) => async (place: string) => {
      await mkdir(place)
      await writeFile(join(place, 'file'), text)
      if (fails) throw new Error('disk is full')
    }
    await store.writeModel('q8', fill('first', false))
    await expect(store.writeModel('q8', fill('second', true))).rejects.toThrow('disk is full')
    expect(await readFile(join(await store.checkedModel('q8'), 'file'), 'utf8')).toBe('first')
    expect(await readdir(join(folder, 'models'))).toEqual(['q8'])
  })

  it('knows a model by its digest, and refuses one that was damaged or replaced', async () => {
    const { mkdir } = await import('node:fs/promises')
    const store = await openStore(folder, { seed: 1 }, false)
    await store.writeModel('sp80', async (place) => {
      await mkdir(place)
      await writeFile(join(place, 'config.json'), '{}')
    })
    const digest = await store.modelDigest('sp80')
    expect(digest).toMatch(/^[0-9a-f]{16}$/)
    const again = await openStore(folder, { seed: 1 }, false)
    expect(await folderDigest(await again.checkedModel('sp80'))).toBe(digest)
    await writeFile(join(folder, 'models', 'sp80', 'config.json'), '{ }')
    await expect(again.checkedModel('sp80')).rejects.toThrow(/sp80: its files are not those that this study wrote/)
    // of an earlier version, which wrote none
    expect(await again.modelDigest('svd')).toBeNull()
  })

  it('lets one study in', async () => {
    const letIn = await lockStudy(folder)
    await expect(lockStudy(folder)).rejects.toThrow(/process \d+ holds .*study\.lock/)
    await letIn()
    await (
      await lockStudy(folder)
    )()
  })

  it('says which file was damaged from outside', async () => {
    const store = await openStore(folder, { seed: 1 }, false)
    await writeFile(join(folder, 'stages', 'row-q8.json'), '{ "key"')
    await expect(store.read('row-q8', 'k')).rejects.toThrow(/row-q8\.json is not JSON.*--fresh/)
  })
})

describe('keyOf', () => {
  it('tells values apart and is stable', () => {
    expect(keyOf({ a: 1 }, 'b')).toBe(keyOf({ a: 1 }, 'b'))
    expect(keyOf({ a: 1 }, 'b')).not.toBe(keyOf({ a: 2 }, 'b'))
    expect(keyOf('x')).toMatch(/^[0-9a-f]{16}$/)
  })
})
