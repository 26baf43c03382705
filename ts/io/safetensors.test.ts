import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { fileSource, writeFolder, writeWhole } from './folder.node.ts'
import { encodeSafetensors, memorySource, openSafetensors, planSafetensors, type TensorToWrite } from './safetensors.ts'
import { readFloats, readStored } from './tensors.ts'

const folder = await mkdtemp(join(tmpdir(), 'safetensors-'))
afterAll(() => rm(folder, { recursive: true }))

const TENSORS: TensorToWrite[] = [
  { name: 'bytes', dtype: 'I8', shape: [3], data: Int8Array.of(-127, 0, 127) },
  { name: 'floats', dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, -2.5, 3e-30, -0) },
  { name: 'columns', dtype: 'U16', shape: [3], data: Uint16Array.of(0, 1, 65535) },
  { name: 'offsets', dtype: 'U32', shape: [1], data: Uint32Array.of(4294967295) },
  { name: 'ids', dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 1n << 40n) },
  { name: 'mask', dtype: 'U8', shape: [1, 2], data: Uint8Array.of(1, 255) },
  { name: 'nothing', dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
  { name: 'scalar', dtype: 'I32', shape: [], data: Int32Array.of(-7) },
]

/** A file with any header text and so many bytes of data. */
function raw(header: unknown, dataBytes: number): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + json.length + dataBytes)
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true)
  file.set(json, 8)
  return file
}

const open = (file: Uint8Array<ArrayBuffer>) => openSafetensors(memorySource(file, 'm.safetensors'))

describe('safetensors', () => {
  it('reads what it wrote, from memory and from a file in pieces', async () => {
    const encoded = encodeSafetensors(TENSORS, { note: 'x' })
    const path = join(folder, 'all.safetensors')
    const { header, parts, bytes } = planSafetensors(TENSORS, { note: 'x' })
    expect(await writeWhole(path, [header, ...parts])).toBe(bytes)
    expect(new Uint8Array(await readFile(path))).toEqual(encoded)
    for (const source of [memorySource(encoded), await fileSource(path)]) {
      const file = await openSafetensors(source)
      expect(file.metadata).toEqual({ format: 'pt', note: 'x' })
      expect(file.headerBytes % 8).toBe(0)
      for (const { name, dtype, shape, data } of TENSORS) {
        const entry = file.tensors.get(name)!
        expect([entry.dtype, entry.shape]).toEqual([dtype, shape])
        expect(entry.start % data.BYTES_PER_ELEMENT).toBe(0)
        expect(await readStored(file, entry)).toEqual(data)
      }
      await source.close()
    }
  })

  it('reads tensors at odd offsets', async () => {
    const header = {
      a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
      b: { dtype: 'F32', shape: [2], data_offsets: [1, 9] },
    }
    const file = raw(header, 9)
    file.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), file.length - 8)
    const opened = await open(file)
    expect([...(await readFloats(opened, opened.tensors.get('b')!))]).toEqual([1.5, -2])
  })

  it('turns F16, BF16 and F64 into f32', async () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000)
    const brains = Uint16Array.of(0x3f80, 0xc000, 0x0001)
    const doubles = Float64Array.of(0.1, -3)
    const opened = await open(
      encodeSafetensors([
        { name: 'h', dtype: 'F16', shape: [5], data: halves },
        { name: 'b', dtype: 'BF16', shape: [3], data: brains },
        { name: 'd', dtype: 'F64', shape: [2], data: doubles },
      ]),
    )
    const floats = async (name: string) => [...(await readFloats(opened, opened.tensors.get(name)!))]
    expect(await floats('h')).toEqual([1, -2, 2 ** -24, 65504, -0])
    expect(await floats('b')).toEqual([1, -2, Math.fround(2 ** -133)])
    expect(await floats('d')).toEqual([Math.fround(0.1), -3])
  })

  it.each([
    [
      'NaN in f32',
      { name: 'w', dtype: 'F32', shape: [3], data: Float32Array.of(1, NaN, 2) },
      /'w' holds NaN at element 1/,
    ],
    [
      'infinity in f16',
      { name: 'w', dtype: 'F16', shape: [2], data: Uint16Array.of(0, 0x7c00) },
      /'w' holds Infinity at element 1/,
    ],
    ['no float', { name: 'w', dtype: 'I8', shape: [1], data: Int8Array.of(1) }, /'w' is I8, expected F32, F16 or BF16/],
  ] as [string, TensorToWrite, RegExp][])('refuses as weights: %s', async (_, tensor, message) => {
    const opened = await open(encodeSafetensors([tensor]))
    await expect(readFloats(opened, opened.tensors.get('w')!)).rejects.toThrow(message)
  })

  const good = { dtype: 'F32', shape: [2], data_offsets: [0, 8] }
  it.each([
    ['empty file', new Uint8Array(0), /0 bytes, expected at least 8/],
    ['header past the end', raw('{}', 0).fill(255, 0, 8), /header length \d+, but the file has 10 bytes/],
    ['no JSON', raw('{"a":', 0), /header is not JSON/],
    ['an array', raw('[]', 0), /header is not a JSON object/],
    ['truncated data', raw({ w: good }, 7), /'w' ends at byte 8 of the data, the file holds 7; the file is truncated/],
    ['bytes left over', raw({ w: good }, 9), /tensors end at byte/],
    ['a hole', raw({ w: { ...good, data_offsets: [4, 12] } }, 12), /4 bytes before tensor 'w'/],
    ['an overlap', raw({ v: good, w: { ...good, data_offsets: [4, 12] } }, 12), /'w' at 4 overlaps/],
    [
      'a shape that is too small',
      raw({ w: { ...good, shape: [1] } }, 8),
      /'w' F32 \[1\] needs 4 bytes, its offsets give 8/,
    ],
    ['an unknown type', raw({ w: { ...good, dtype: 'F8' } }, 8), /'w' has type "F8", expected one of/],
    ['a type from the prototype', raw({ w: { ...good, dtype: 'constructor' } }, 8), /'w' has type "constructor"/],
    ['negative dims', raw({ w: { ...good, shape: [-2] } }, 8), /'w' has shape \[-2\]/],
    ['offsets backwards', raw({ w: { ...good, data_offsets: [8, 0] } }, 8), /'w' has data_offsets \[8,0\]/],
    ['no entry', raw({ w: null }, 8), /'w' has type undefined/],
    // what the reference, in Rust, refuses as well: bench/peers/safetensors_oracle.py
    ['a byte order mark', raw('\ufeff{}', 0), /header is not JSON/],
    ['metadata that is a list', raw({ __metadata__: [] }, 0), /__metadata__ is \[\], expected strings by name/],
    ['metadata that is a number', raw({ __metadata__: { a: 1 } }, 0), /__metadata__ is \{"a":1\}/],
    ['half a letter in a name', raw('{"\\ud800":{}}', 0), /"\\ud800" is no text/],
    [
      'a tensor of no elements inside another',
      raw({ w: good, e: { dtype: 'U8', shape: [0], data_offsets: [4, 4] } }, 8),
      /tensor 'e' at 4 overlaps/,
    ],
    [
      'a tensor of no elements outside',
      raw({ e: { dtype: 'U8', shape: [0], data_offsets: [2, 2] } }, 2),
      /2 bytes before tensor 'e'/,
    ],
  ] as [string, Uint8Array<ArrayBuffer>, RegExp][])('refuses %s', async (_, file, message) => {
    await expect(open(file)).rejects.toThrow(message)
  })

  it('refuses or reads whole every corruption of one byte in the header (seeded)', async () => {
    const encoded = encodeSafetensors(TENSORS)
    const headerBytes = (await open(encoded)).headerBytes
    await fc.assert(
      fc.asyncProperty(fc.nat(headerBytes - 1), fc.nat(255), async (at, value) => {
        const broken = encoded.slice()
        broken[at] = value
        const opened = await open(broken).catch((error: Error) => error)
        if (opened instanceof Error) expect(opened.message).toMatch(/^m\.safetensors: not a valid safetensors file: /)
        else
          for (const entry of opened.tensors.values())
            expect((await readStored(opened, entry)).byteLength).toBe(entry.length)
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it('says so when a file shrinks after it was opened', async () => {
    const path = join(folder, 'shrinks.safetensors')
    await writeFile(path, encodeSafetensors(TENSORS))
    const opened = await openSafetensors(await fileSource(path))
    await truncate(path, opened.headerBytes + 3)
    await expect(readStored(opened, opened.tensors.get('floats')!)).rejects.toThrow(/ended at byte/)
    await opened.source.close()
  })

  it('refuses to write a shape that does not match, or a name twice', () => {
    const tensor: TensorToWrite = { name: 'w', dtype: 'F32', shape: [3], data: new Float32Array(2) }
    expect(() => encodeSafetensors([tensor])).toThrow(/'w': shape \[3\] of F32 does not match 2 elements/)
    expect(() => encodeSafetensors([TENSORS[0], TENSORS[0]])).toThrow(/'bytes' is given twice/)
  })

  it('leaves the old file, and no other, where writing fails half-way', async () => {
    const place = await mkdtemp(join(folder, 'half-'))
    const path = join(place, 'model.safetensors')
    await writeFile(path, 'old')
    function* failing() {
      yield 'new'
      throw new Error('disk is full')
    }
    await expect(writeWhole(path, failing())).rejects.toThrow(
      /could not be written \(disk is full\); nothing was changed/,
    )
    expect(await readdir(place)).toEqual(['model.safetensors'])
    expect(await readFile(path, 'utf8')).toBe('old')
    const bad = [
      ['a', ['1']],
      ['b', failing()],
    ] as unknown as Parameters<typeof writeFolder>[1]
    await expect(writeFolder(join(place, 'new'), bad)).rejects.toThrow(/disk is full/)
    expect(await readdir(place)).toEqual(['model.safetensors'])
  })
})
