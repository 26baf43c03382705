// Pipelines in a worker give what pipelines give; here in a thread of Node, in pages by testing/install.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { pipeline as here } from '../pipeline/pipeline.ts'
import type { ProgressEvent } from '../io/folder.ts'
import { pipeline } from './pipeline.ts'

const MODEL = fileURLToPath(new URL('../../testing/families/fixtures/models/bert-binary/', import.meta.url))
const TEXTS = ['a good film', 'a bad plot', 'good']
const ONE = { device: 'cpu', threads: 1 } as const

const filesOf = (folder: string): Record<string, Uint8Array<ArrayBuffer>> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]))

describe('a pipeline in a worker', () => {
  it('answers as one on this thread, and tells errors by their kind and its end', async () => {
    await using wanted = await here('text-classification', MODEL, ONE)
    const events: ProgressEvent[] = []
    const progress_callback = (event: ProgressEvent): number => events.push(event)
    const classify = await pipeline('text-classification', MODEL, { ...ONE, progress_callback })
    expect(events.at(-1)?.status).toBe('ready')
    const calls = [classify(TEXTS), classify('good', { top_k: null }), classify({ text: 'good', text_pair: 'film' })]
    const [several, one, pair] = await Promise.all(calls)
    expect(several).toEqual(await wanted(TEXTS))
    expect(one).toEqual(await wanted('good', { top_k: null }))
    expect(pair).toEqual(await wanted({ text: 'good', text_pair: 'film' }))
    await classify.warmup({ tokens: 4 })
    expect(classify.info()).toEqual(wanted.info())

    const wrong = classify('good', { topK: 1 } as object)
    await expect(wrong).rejects.toThrow(TypeError)
    await expect(wrong).rejects.toThrow("option 'topK' is not known")

    const many = Array.from({ length: 60_000 }, (_, i) => TEXTS[i % 3])
    const control = new AbortController()
    const call = classify(many, { signal: control.signal, batch_size: 8 })
    setTimeout(() => control.abort(new Error('enough')), 30)
    await expect(call).rejects.toThrow('enough')
    expect(await classify('good')).toHaveLength(1)

    const ended = expect(classify(TEXTS)).rejects.toThrow('was disposed of')
    await classify.dispose()
    await classify.dispose()
    await ended
    await expect(classify('good')).rejects.toThrow('was disposed of')
  })

  it('gives vectors, from files that are handed over', async () => {
    await using wanted = await here('feature-extraction', MODEL, ONE)
    const files = filesOf(MODEL)
    await using embed = await pipeline('feature-extraction', { files }, ONE)
    expect(files['model.safetensors'].length).toBe(0)
    expect(await embed(TEXTS, { pooling: 'mean' })).toEqual(await wanted(TEXTS, { pooling: 'mean' }))
  })

  it('is not opened where the model is not there, or something cannot be sent', async () => {
    await expect(pipeline('text-classification', './nothing/', ONE)).rejects.toThrow("no folder './nothing/'")
    await expect(pipeline('text-classification', MODEL, { device: {} as 'cpu' })).rejects.toThrow('cannot be handed')
    const signal = AbortSignal.abort(new Error('no more'))
    await expect(pipeline('text-classification', MODEL, { ...ONE, signal })).rejects.toThrow('no more')
  })
})
