// Options that no call has would be left alone in silence: every public call names those that it knows.

import { describe, expect, it } from 'vitest'
import { syntheticModel } from '../../testing/models.ts'
import { loadDataset, loadRows } from '../evaluation.ts'
import { buildProgram, createKernelCalls, createWasmDevice, encodeModel, openDevice, saveModel } from '../index.ts'
import { distil, trainClassifier, trainOnData } from '../train.ts'
import { createGpuDevice, denseMatmul } from '../webgpu.ts'

const model = syntheticModel('f32', 6)
const examples = [{ ids: Int32Array.of(1, 2), label: 0 }]
const data = { data: 'x.csv', out: 'x' }
const untyped = (value: unknown): never => value as never

describe('public calls', () => {
  it.each<[string, (options: never) => unknown, object, RegExp]>([
    ['createWasmDevice', createWasmDevice, { thread: 2 }, /'thread' is not known; expected threads, /],
    ['createGpuDevice', createGpuDevice, { precission: 'f16' }, /'precission' is not known; expected device, software/],
    ['openDevice', openDevice, { device: 'cpu', thread: 2 }, /'thread' is not known; expected device, threads/],
    ['buildProgram', (options) => buildProgram(model, 'logits', options), { normalise: true }, /expected input, norm/],
    ['encodeModel', (options) => encodeModel(model, options), { tokenizer: {} }, /expected files, beside/],
    ['saveModel', (options) => saveModel(model, 'x', options), { tokenizer: {} }, /expected files, beside/],
    ['trainClassifier', (of) => trainClassifier(model, examples, of), { learning_rate: 1 }, /expected epochs, steps/],
    ['trainOnData', trainOnData, { ...data, lr: 1 }, /'lr' is not known; expected data, test, text/],
    ['distil', distil, { ...data, teachers: [], T: 1 }, /'T' is not known; expected data/],
    [
      'loadDataset',
      (options) => loadDataset('x.csv', options),
      { seed: 1, labels: 'y' },
      /expected text, textPair, la/,
    ],
    ['loadRows', (options) => loadRows('x.csv', options), { seed: 1, test: 'y' }, /'test' is not known/],
  ])('%s names its options', async (_, call, options, words) => {
    await expect((async () => call(untyped(options)))()).rejects.toThrow(words)
  })

  it.each<[string, () => unknown, RegExp]>([
    ['software', () => createGpuDevice(untyped({ software: 'maybe' })), /software 'maybe'.*allow, never/],
    ['kernels', () => createGpuDevice(untyped({ kernels: 'fast' })), /kernels 'fast'.*auto, direct, tiled/],
    ['device', () => createGpuDevice(untyped({ device: {} })), /expected a GPUDevice/],
    ['tuning', () => createGpuDevice(untyped({ tuning: 3 })), /expected a store with getItem/],
    ['null', () => createGpuDevice(untyped(null)), /the options are null, expected an object/],
    ['precision', () => openDevice(untyped({ precision: 'f15' })), /precision 'f15'.*f32, f16-weights, f16/],
    ['threads of a GPU', () => openDevice({ device: 'gpu', threads: 1.5 }), /threads is 1.5, expected a whole number/],
    ['output', () => buildProgram(model, untyped('logitz')), /output 'logitz' is not known; expected logits/],
    ['keep', () => trainClassifier(model, examples, untyped({ keep: 'bset' })), /keep 'bset'.*last, best/],
    ['signal', () => trainClassifier(model, examples, untyped({ signal: 3 })), /expected an AbortSignal/],
    ['ids', () => trainClassifier(model, untyped([{ ids: [1, 2], label: 0 }])), /is Array, expected Int32Array/],
    [
      'kernel options',
      () =>
        denseMatmul(new Float32Array(1), untyped({ kind: 'f32', N: 1, K: 1, data: new Float32Array(1) }), untyped([])),
      /options are a list/,
    ],
    ['opener', () => createKernelCalls(untyped('cpu')), /expected a function that opens a device/],
    [
      'column',
      () => loadRows('package.json', untyped({ seed: 1, text: 2 })),
      /text is of type number, expected a text/,
    ],
    [
      'problemType',
      () => loadRows('package.json', untyped({ seed: 1, text: 'name', label: 'type', problemType: 'x' })),
      /problemType 'x'.*regression/,
    ],
    [
      'columns of built-in data',
      () => loadRows('builtin:reviews', { seed: 1, text: 'x' }),
      /own test part and columns.*\(text was given\)/,
    ],
  ])('values are checked: %s', async (_, call, words) => {
    await expect((async () => call())()).rejects.toThrow(words)
  })

  it('batches hold ids of 32 bits', async () => {
    await using device = { ...(await createWasmDevice({ threads: 1 })), [Symbol.asyncDispose]: async () => {} }
    const session = await device.load(buildProgram(model, 'logits'))
    const batch = { offsets: Int32Array.of(0, 2), ids: Int32Array.of(1, 2), types: new Int32Array(2) }
    await expect((async () => session.run(untyped({ ...batch, ids: [1, 2] })))()).rejects.toThrow(/batch: ids is Array/)
    await expect((async () => session.run(untyped(undefined)))()).rejects.toThrow(/batch: undefined was given/)
    session.dispose()
    await device.dispose()
  })
})
