// The device that a model runs on. GPU code is fetched only where a GPU is asked for or looked for.

import { checkChoice, checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { PRECISIONS, type Device } from '../../kernels/program/device.ts'
import type { SoftwareChoice } from '../../kernels/webgpu/adapter.ts'
import type { GpuDeviceOptions } from '../../kernels/webgpu/device.ts'
import type { DeviceDecision } from './choose-device.ts'
import type { TextModel } from './text-model.ts'

export type DeviceChoice = 'auto' | 'cpu' | 'wasm' | 'gpu' | 'webgpu'

export interface DeviceOptions {
  /**
   * 'auto' (default): for a model the faster of WebAssembly and the GPU, as measured; without one the GPU where there is a
   * real one, else WebAssembly. 'cpu' = 'wasm', 'gpu' = 'webgpu'
   */
  device?: DeviceChoice
  /** WebAssembly threads; the cores, at most 4, if not given */
  threads?: number
  /**
   * true: WebAssembly kernels for 256-bit vectors (docs/wasm-wide.md), in a Node that was started with
   * --experimental-wasm-revectorize; false if not given
   */
  wide?: boolean
  /** pages only: the address of the package's dist/thread.js, for policies that forbid workers from blob: addresses */
  workerUrl?: string | URL
  /**
   * whether an adapter that emulates a GPU will do: 'allow' (default where the GPU is asked for by name) or 'never' (default
   * of 'auto', which with 'allow' measures it like any other)
   */
  software?: SoftwareChoice
  /** GPU: how dense f32 layers are stored and multiplied; 'f32' if not given */
  precision?: GpuDeviceOptions['precision']
  /** the caller's own GPUDevice; it is left alone when the device is disposed */
  gpuDevice?: GPUDevice
}

const CHOICES: DeviceChoice[] = ['auto', 'cpu', 'wasm', 'gpu', 'webgpu']

const OPTIONS: OptionNames<DeviceOptions> = {
  ...{ device: true, threads: true, wide: true, software: true, precision: true, gpuDevice: true, workerUrl: true },
}

/** The options of a device among those of something that opens one. */
export const deviceOptionsOf = (options: DeviceOptions): DeviceOptions =>
  Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(OPTIONS, name)))

/**
 * Opens a device. What 'auto' decided against is said in the notes.
 * @throws where the device that was asked for by name is not there
 */
export async function openDevice(options: DeviceOptions = {}): Promise<{ device: Device; notes: string[] }> {
  checkOptions(options)
  const { device: choice = 'auto', gpuDevice, software, precision } = options
  const notes: string[] = []
  if (choice === 'gpu' || choice === 'webgpu' || gpuDevice)
    return { device: await openGpu({ device: gpuDevice, software, precision }), notes }
  if (choice === 'auto') {
    const found = await findGpu({ precision, software: 'never' }, notes)
    if (found) return { device: found, notes }
  }
  return { device: await openCpu(options), notes }
}

/** A device for a model. */
export interface DeviceForModel {
  device: Device
  notes: string[]
  /** what 'auto' measured or remembered; null where there was nothing to choose from */
  decision: DeviceDecision | null
  /** the model to run, in place of the given one where its files are read once: 'auto' may have read a part of them */
  model: TextModel
}

/**
 * As `openDevice`; 'auto' takes the device on which this model is faster (ts/inference/choose-device.ts).
 * @throws where the device that was asked for by name is not there
 */
export async function openDeviceFor(opened: TextModel, options: DeviceOptions = {}): Promise<DeviceForModel> {
  const isOpen = (options.device ?? 'auto') === 'auto' && !options.gpuDevice
  if (!isOpen) return { ...(await openDevice(options)), decision: null, model: opened }
  checkOptions(options)
  const { software = 'never', precision } = options
  const notes: string[] = []
  const gpu = await findGpu({ precision, software }, notes)
  const cpu = await openCpu(options)
  if (!gpu) return { device: cpu, notes, decision: null, model: opened }
  const { chooseDevice, decisionNote } = await import('./choose-device.ts')
  try {
    const { decision, model, settled } = await chooseDevice(cpu, gpu, { model: opened.weights })
    notes.push(decisionNote(decision, gpu.info().name))
    const [device, other] = decision.chosen === 'gpu' ? [gpu, cpu] : [cpu, gpu]
    void settled.then(() => other.dispose()).catch(() => {})
    return { device, notes, decision, model: { ...opened, weights: model } }
  } catch (error) {
    await Promise.all([cpu.dispose(), gpu.dispose()])
    throw error
  }
}

/**
 * A model that is being opened, and a device for it: both at once where the device does not depend on the model, so that threads
 * start while files are read.
 * @throws what opening the model throws, else as `openDeviceFor`; then neither is left open
 */
export async function openWithDevice(
  opening: Promise<TextModel>,
  options: DeviceOptions,
): Promise<{ opened: TextModel; found: DeviceForModel }> {
  const isCpu = options.device === 'cpu' || options.device === 'wasm'
  const [model, early] = await Promise.allSettled([opening, isCpu ? openDevice(options) : null])
  if (model.status === 'rejected') {
    if (early.status === 'fulfilled') await early.value?.device.dispose()
    throw model.reason
  }
  const opened = model.value
  try {
    if (early.status === 'rejected') throw early.reason
    return {
      opened,
      found: early.value ? { ...early.value, decision: null, model: opened } : await openDeviceFor(opened, options),
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** @throws where an option is not known, or does not go with the others */
function checkOptions(options: DeviceOptions): void {
  checkNames('openDevice', options, OPTIONS)
  const { device: choice = 'auto', threads, wide, gpuDevice, software, precision } = options
  if (!CHOICES.includes(choice))
    throw new Error(`device '${choice}' is not known; expected one of ${CHOICES.join(', ')}`)
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1))
    throw new RangeError(`openDevice: threads is ${String(threads)}, expected a whole number from 1`)
  checkChoice('openDevice', 'software', software, ['allow', 'never'])
  checkChoice('openDevice', 'precision', precision, PRECISIONS)
  checkChoice('openDevice', 'wide', wide, [true, false])
  if (wide && (choice === 'gpu' || choice === 'webgpu' || gpuDevice))
    throw new Error("wide is of WebAssembly alone, and the GPU was asked for; choose device 'cpu' or leave wide out")
  if (gpuDevice && (choice === 'cpu' || choice === 'wasm'))
    throw new Error(`device '${choice}' does not run on the gpuDevice given with it; give one of them`)
}

async function openCpu({ threads, wide, workerUrl }: DeviceOptions): Promise<Device> {
  const { createWasmDevice } = await import('../../kernels/wasm/device.ts')
  return createWasmDevice({ threads, wide, workerUrl })
}

async function openGpu(options: GpuDeviceOptions): Promise<Device> {
  const { createGpuDevice } = await import('../../kernels/webgpu/device.ts')
  try {
    return await createGpuDevice(options)
  } catch (error) {
    throw new Error(`no GPU can be used here: ${(error as Error).message}; choose the CPU instead`, { cause: error })
  }
}

/** A GPU, an emulated one where `software` allows it; where there is none, the notes say why. */
async function findGpu(options: GpuDeviceOptions, notes: string[]): Promise<Device | null> {
  try {
    // a page without WebGPU need not fetch the GPU code to learn that
    const isPage = typeof navigator !== 'undefined' && typeof process === 'undefined'
    if (isPage && !('gpu' in navigator)) throw new Error('this browser has no WebGPU')
    const { createGpuDevice } = await import('../../kernels/webgpu/device.ts')
    return await createGpuDevice(options)
  } catch (error) {
    notes.push(`device auto: no GPU, WebAssembly is used (${(error as Error).message.split('\n')[0]})`)
    return null
  }
}

/**
 * Forgets what device: 'auto' measured, in this process or page and in its storage, so that the next pipeline measures
 * again: after a new driver, or where the machine was busy.
 */
export async function forgetDevices(): Promise<void> {
  const { openMemory } = await import('./device-memory.ts')
  await openMemory().clear()
}
