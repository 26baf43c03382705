// What every engine runs, on WebAssembly and, where it has it, on WebGPU: the integers of every storage format and the
// logits of a small model in each; the kernel tests are in sweep.ts.

import type { Device, DeviceInfo } from '../../kernels/program/device.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { createGpuDevice } from '../../kernels/webgpu/device.ts'
import { verifyModel } from '../../ts/evaluation/verify.ts'
import { FORMATS, syntheticModel } from '../models.ts'
import type { SweptDevice } from './sweep.ts'

export interface DeviceAnswer {
  info: DeviceInfo
  models: number
  integers: number
  /** largest distance of a logit from the float64 reference */
  furthest: number
  faults: string[]
}

export interface EngineAnswer {
  /** its own words for itself */
  engine: string
  wasm: DeviceAnswer | string
  webgpu: DeviceAnswer | string
  /** the kernel tests, device by device */
  sweep: SweptDevice[]
}

export interface Engine {
  name: string
  /**
   * @param devices names of devices of the sweep; all if not given
   * @throws where the engine cannot be had here
   */
  run(devices: readonly string[]): Promise<EngineAnswer>
}

export async function runChecks(): Promise<Pick<EngineAnswer, 'wasm' | 'webgpu'>> {
  const answer = async (create: () => Promise<Device>): Promise<DeviceAnswer | string> => {
    try {
      return await checkDevice(await create())
    } catch (error) {
      return (error as Error).message.split('\n')[0]
    }
  }
  return {
    wasm: await answer(() => createWasmDevice({ threads: 2, shareFrom: 0 })),
    webgpu: await answer(() => createGpuDevice()),
  }
}

/** Runs the checks on a device, and disposes it. */
export async function checkDevice(device: Device): Promise<DeviceAnswer> {
  const found: DeviceAnswer = { info: device.info(), models: 0, integers: 0, furthest: 0, faults: [] }
  for (const format of FORMATS) {
    const { devices, faults } = await verifyModel(syntheticModel(format, 3), [device])
    found.models++
    found.faults.push(...faults)
    for (const { kernels, furthest } of devices) {
      found.integers += kernels.reduce((sum, { outputs }) => sum + outputs, 0)
      found.furthest = Math.max(found.furthest, furthest)
    }
  }
  found.info = device.info()
  await device.dispose()
  return found
}
