// What every engine runs: all integers of the kernels and the logits of a small model in each storage format, on
// WebAssembly and, where the engine has it, on WebGPU.

import type { Device, DeviceInfo } from '../../kernels/program/device.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { createGpuDevice } from '../../kernels/webgpu/device.ts'
import { verifyModel } from '../../ts/evaluation/verify.ts'
import { FORMATS, syntheticModel } from '../models.ts'

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
}

export async function runChecks(engine: string): Promise<EngineAnswer> {
  const answer = async (create: () => Promise<Device>): Promise<DeviceAnswer | string> => {
    try {
      return await checkDevice(await create())
    } catch (error) {
      return (error as Error).message.split('\n')[0]
    }
  }
  return {
    engine,
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
