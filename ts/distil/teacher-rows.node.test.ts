import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FORMATS, syntheticModel } from '../../testing/models.ts'
import { cachedTeacherLogits, teacherKey } from './teacher-rows.node.ts'

const SEQUENCES = [Int32Array.of(2, 5, 3), Int32Array.of(2, 3), Int32Array.of(2, 7, 8, 3)]
const teacher = syntheticModel('f32')
const labels = teacher.classifier!.weight.N
const LOGITS = Float32Array.from({ length: SEQUENCES.length * labels }, (_, i) => Math.sin(i))

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'teacher-logits-')), 'inner')
})
afterEach(async () => {
  await rm(join(folder, '..'), { recursive: true, force: true })
})

/** Asks for the logits; says whether they were computed, and what was noted. */
async function ask(
  given: { teacher?: typeof teacher; sequences?: Int32Array[]; logits?: Float32Array } = {},
): Promise<{ logits: Float32Array; computed: number; notes: string[] }> {
  const notes: string[] = []
  let computed = 0
  const logits = await cachedTeacherLogits({
    folder,
    teacher: given.teacher ?? teacher,
    sequences: given.sequences ?? SEQUENCES,
    compute: () => {
      computed++
      return Promise.resolve(given.logits ?? LOGITS)
    },
    note: (text) => notes.push(text),
  })
  return { logits, computed, notes }
}

const onlyFile = async (): Promise<string> => {
  const files = await readdir(folder)
  expect(files).toHaveLength(1)
  expect(files[0]).toMatch(/^teacher-logits-[0-9a-f]{16}\.bin$/)
  return join(folder, files[0])
}

describe('cachedTeacherLogits', () => {
  it('computes once and gives the same bits from the file', async () => {
    expect(await ask()).toEqual({ logits: LOGITS, computed: 1, notes: [] })
    await onlyFile()
    expect(await ask()).toEqual({ logits: LOGITS, computed: 0, notes: [] })
    // equal weights in other arrays are the same teacher
    expect(await ask({ teacher: structuredClone(teacher) })).toMatchObject({ computed: 0 })
  })

  it('keeps other weights, other texts and another order apart', async () => {
    await ask()
    const other = structuredClone(teacher)
    other.layers[1].output.bias![0] += 1e-3
    expect(await ask({ teacher: other })).toMatchObject({ computed: 1, notes: [] })
    expect(await ask({ sequences: SEQUENCES.toReversed() })).toMatchObject({ computed: 1, notes: [] })
    const joined = [Int32Array.of(2, 5, 3, 2, 3), Int32Array.of(), SEQUENCES[2]]
    expect(await ask({ sequences: joined })).toMatchObject({ computed: 1, notes: [] })
    expect(await readdir(folder)).toHaveLength(4)
    const keys = FORMATS.map((form) => teacherKey(syntheticModel(form), SEQUENCES).toString('hex'))
    expect(new Set(keys).size).toBe(FORMATS.length)
  })

  it.each<[string, (file: Buffer) => Buffer]>([
    ['cut short', (file) => file.subarray(0, file.length - 5)],
    ['empty', () => Buffer.alloc(0)],
    ['longer', (file) => Buffer.concat([file, Buffer.alloc(4)])],
    ['of another program', (file) => Buffer.from('x'.repeat(file.length))],
    ['of another version', (file) => Buffer.concat([file.subarray(0, 4), Buffer.of(9), file.subarray(5)])],
    ['flipped in one bit of a logit', (file) => file.map((byte, i) => (i === 50 ? byte ^ 1 : byte)) as Buffer],
  ])('replaces a file that is %s, and says so', async (_, damage) => {
    await ask()
    const path = await onlyFile()
    const whole = await readFile(path)
    await writeFile(path, damage(whole))
    const again = await ask()
    expect(again).toMatchObject({ logits: LOGITS, computed: 1 })
    expect(again.notes).toEqual([expect.stringContaining(`${path} is damaged`)])
    expect((await readFile(path)).equals(whole)).toBe(true)
  })

  it('writes nothing that is not whole', async () => {
    await expect(ask({ logits: LOGITS.slice(1) })).rejects.toThrow(`expected 3 texts x ${labels}, all finite`)
    await expect(ask({ logits: LOGITS.map((z, i) => (i === 2 ? NaN : z)) })).rejects.toThrow('all finite')
    await expect(readdir(folder)).rejects.toThrow('ENOENT')
    await expect(ask({ teacher: { ...teacher, classifier: null } })).rejects.toThrow('no classifier')
  })
})
