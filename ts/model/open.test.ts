import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { readProgram } from '../../kernels/program/stored-weights.ts'
import { assertExact } from '../../kernels/testing/compare.ts'
import { memoryFiles, type ModelFiles } from '../io/folder.ts'
import { folderFiles } from '../io/folder.node.ts'
import { piecesSource } from '../io/pieces.ts'
import type { ByteSource } from '../io/safetensors.ts'
import { buildProgram } from './bert.ts'
import { loadModel, loadModelFiles, openModel, openModelFrom } from './load.ts'
import { randomModel } from './preset.ts'
import { encodeModel, saveModel } from './save.ts'
import { FORMATS, SMALL, syntheticModel } from '../../testing/models.ts'
import { linearLayers } from './weights.ts'

const root = await mkdtemp(join(tmpdir(), 'open-'))
const device = await createWasmDevice({ threads: 1 })
afterAll(async () => {
  await device.dispose()
  await rm(root, { recursive: true })
})

const batch = { offsets: Int32Array.of(0, 3, 7), ids: Int32Array.of(1, 2, 3, 4, 5, 6, 7), types: new Int32Array(7) }

/** The files of a folder, with `source` around what is opened. */
const through = (files: ModelFiles, source: (opened: ByteSource) => ByteSource): ModelFiles => ({
  ...files,
  open: async (name) => {
    const opened = await files.open(name)
    return opened && source(opened)
  },
})

describe('a model whose weights stay in its files', () => {
  for (const format of FORMATS)
    for (const tables of ['f32', 'int8'] as const)
      it(`runs as the one in memory, bit for bit: ${format} linears, ${tables} tables, seed 3`, async () => {
        const folder = join(root, `${format}-${tables}`)
        await saveModel(syntheticModel(format, 3, { all: format !== 'nm' && format !== 'chain3', tables }), folder)
        const { weights } = await loadModel(folder)
        const whole = await device.load(buildProgram(weights, 'logits'))
        const opened = await openModel(folder)
        const program = buildProgram(opened.weights, 'logits')
        const session = await device.load(program)
        expect(await readProgram(program)).toEqual(buildProgram(weights, 'logits'))
        await opened.close()
        await opened.close()
        assertExact(await session.run(batch), await whole.run(batch), format)
        await expect(device.load(program)).rejects.toThrow(/closed/)
        whole.dispose()
        session.dispose()
      })

  it('is packed with no more on the host than vectors and the areas of two matrices', async () => {
    const config = { ...SMALL, vocabSize: 4000, hiddenSize: 64, layers: 8, intermediateSize: 256 }
    const model = randomModel({ ...config, labels: [...SMALL.labels] })
    const folder = join(root, 'large')
    await saveModel(model, folder)
    const inMemory = new Set<ArrayBufferLike>()
    let inPlace = 0
    const files = through(folderFiles(folder), (source) => ({
      ...source,
      read: (position, into) => {
        if (into.buffer === device.pool.memory.memory.buffer) inPlace += into.length
        else inMemory.add(into.buffer)
        return source.read(position, into)
      },
    }))
    const opened = await openModelFrom(files)
    const session = await device.load(buildProgram(opened.weights, 'logits'))
    await opened.close()
    session.dispose()
    const { word, position, type } = model.embeddings
    expect(inPlace).toBe(4 * (word.data.length + position.data.length + type.data.length))
    const largest = Math.max(...[...linearLayers(model)].map(({ linear }) => linear.weight.N * linear.weight.K * 4))
    // per layer four biases of 64, one of 256, two norms; the areas grow from C x C to C x F
    const vectors = 4 * (8 * (5 * 64 + 256 + 4 * 64) + 4 * 64)
    const held = [...inMemory].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(held).toBeLessThanOrEqual(opened.headerBytes + vectors + 4 * largest)
    expect(held).toBeLessThan(opened.fileBytes / 5)
  })

  it.each([
    ['a matrix', 'bert.encoder.layer.1.output.dense.weight'],
    ['a table', 'bert.embeddings.word_embeddings.weight'],
  ])('is refused when it is packed where %s is not finite, and leaves nothing behind', async (_, name) => {
    const model = syntheticModel('f32')
    const data = name.includes('word') ? model.embeddings.word.data : model.layers[1].output.weight
    ;(data instanceof Float32Array ? data : (data as { data: Float32Array }).data)[5] = Infinity
    const opened = await openModelFrom(memoryFiles(encodeModel(model), 'folder'))
    const before = device.pool.memory.liveBytes
    await expect(device.load(buildProgram(opened.weights, 'logits'))).rejects.toThrow(
      `'${name}' holds Infinity at element 5; weights must be finite`,
    )
    expect(device.pool.memory.liveBytes).toBe(before)
  })

  it('lets fetched bytes go as they are read where nothing is read twice, and keeps them otherwise', async () => {
    const encoded = encodeModel(syntheticModel('int8', 2, { tables: 'int8' }))
    const file = encoded['model.safetensors'] as Uint8Array<ArrayBuffer>
    const open = (readOnce: boolean) => {
      const pieces: (Uint8Array | null)[] = []
      for (let at = 0; at < file.length; at += 999) pieces.push(file.slice(at, at + 999))
      const files = through(memoryFiles(encoded), ({ name }) => piecesSource(pieces, name))
      return { pieces, opened: openModelFrom(files, { readOnce }), files }
    }
    for (const readOnce of [true, false]) {
      const { pieces, opened } = open(readOnce)
      const program = buildProgram((await opened).weights, 'logits')
      const session = await device.load(program)
      expect(pieces.filter((piece) => piece !== null).length).toBe(readOnce ? 0 : pieces.length)
      if (readOnce) await expect(device.load(program)).rejects.toThrow('was read before and is no longer held')
      else (await device.load(program)).dispose()
      await (await opened).close()
      expect(pieces.every((piece) => piece === null)).toBe(true)
      session.dispose()
    }
    expect((await loadModelFiles(open(true).files)).weights).toEqual(
      (await loadModelFiles(memoryFiles(encoded))).weights,
    )
  })
})
