// What runs inside the browser under test.

import { createGpuDevice } from '../../kernels/webgpu/device.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import type { Device, DeviceInfo } from '../../kernels/program/device.ts'
import { openModel } from '../../ts/model/load.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { pipeline } from '../../ts/pipeline/pipeline.ts'
import { kernelPrograms, rowsOf, type KernelOutput } from './programs.ts'

export interface DeviceRequest {
  device: 'wasm' | 'webgpu'
  threads?: number
}

export interface Harness {
  isolated: boolean
  hasGpu: boolean
  /** labels and scores as an application gets them */
  classify(model: string, texts: string[], request: DeviceRequest): Promise<{ label: string; score: number }[]>
  /** logits of one batch of token ids */
  logits(
    model: string,
    offsets: number[],
    ids: number[],
    request: DeviceRequest,
  ): Promise<{ logits: number[]; info: DeviceInfo }>
  /** every kernel kind in programs of one op */
  kernels(request: DeviceRequest): Promise<{ outputs: KernelOutput[]; info: DeviceInfo }>
}

const devices = new Map<string, Promise<Device>>()

/** One device per request, kept: compiling shaders is most of the time here. */
function open(request: DeviceRequest): Promise<Device> {
  const key = JSON.stringify(request)
  let device = devices.get(key)
  if (!device) {
    const { threads } = request
    devices.set(
      key,
      (device = request.device === 'wasm' ? createWasmDevice({ threads, shareFrom: 0 }) : createGpuDevice()),
    )
  }
  return device
}

const harness: Harness = {
  isolated: crossOriginIsolated,
  hasGpu: 'gpu' in navigator,
  async classify(model, texts, { device, threads }) {
    const classifier = await pipeline('text-classification', model, { device, threads })
    try {
      return (await classifier(texts)) as { label: string; score: number }[]
    } finally {
      await classifier.dispose()
    }
  },
  async logits(model, offsets, ids, request) {
    const device = await open(request)
    const opened = await openModel(model, { readOnce: true })
    const session = await device.load(buildProgram(opened.weights, 'logits'))
    await opened.close()
    try {
      const batch = { offsets: Int32Array.from(offsets), ids: Int32Array.from(ids), types: new Int32Array(ids.length) }
      return { logits: Array.from(await session.run(batch)), info: device.info() }
    } finally {
      session.dispose()
    }
  },
  async kernels(request) {
    const device = await open(request)
    return { outputs: await rowsOf(device, kernelPrograms()), info: device.info() }
  },
}

// The inspector holds the promise it waits for weakly, and has been seen to lose one ("Promise was collected"): calls
// under way are kept here.
const underWay = new Set<Promise<unknown>>()
function kept<A extends unknown[], R>(call: (...given: A) => Promise<R>): (...given: A) => Promise<R> {
  return (...given) => {
    const promise = call(...given).finally(() => underWay.delete(promise))
    underWay.add(promise)
    return promise
  }
}

Object.assign(globalThis, {
  underWay,
  harness: {
    ...harness,
    classify: kept(harness.classify),
    logits: kept(harness.logits),
    kernels: kept(harness.kernels),
  } satisfies Harness,
})
