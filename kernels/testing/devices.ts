// The devices that every sweep runs on: the wasm builds with and without relaxed SIMD and threads, and WebGPU's direct and
// tiled kernels. A device that cannot be made fails the test; without a GPU it is the software adapter from npm.

import { createGpuDevice, createGpuDeviceWith } from '../webgpu/device.ts'
import { createWasmDevice } from '../wasm/device.ts'
import type { Device } from '../program/device.ts'

export interface TestDevice {
  name: string
  create: () => Promise<Device>
}

export const WASM_DEVICES: TestDevice[] = [
  { name: 'wasm relaxed, 1 thread', create: () => createWasmDevice({ build: 'relaxed', threads: 1 }) },
  { name: 'wasm relaxed, 2 threads', create: () => createWasmDevice({ build: 'relaxed', threads: 2, shareFrom: 0 }) },
  { name: 'wasm baseline, 1 thread', create: () => createWasmDevice({ build: 'baseline', threads: 1, shared: false }) },
]

export const GPU_DEVICES: TestDevice[] = [
  { name: 'webgpu direct', create: () => createGpuDevice({ kernels: 'direct' }) },
  { name: 'webgpu tiled', create: () => createGpuDeviceWith({ kernels: 'tiled', keepsSparse: true }) },
]

export const ALL_DEVICES: TestDevice[] = [...WASM_DEVICES, ...GPU_DEVICES]
