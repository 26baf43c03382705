// The devices that every sweep runs on: the wasm builds with and without relaxed SIMD and threads, each tile that is taken
// on request alone, and WebGPU's direct and tiled kernels. A device that cannot be made fails the test; without a GPU it is the software adapter from npm.

import { createGpuDevice, createGpuDeviceWith } from '../webgpu/device.ts'
import { DENSE_WASM } from '../dense-matmul/variants.ts'
import { INT8_WASM } from '../int8-matmul/variants.ts'
import { createWasmDevice } from '../wasm/device.ts'
import { WIDE_FLAG } from '../wasm/wide-flag.ts'
import type { TileVariant } from '../wasm/variant.ts'
import type { Device } from '../program/device.ts'

export interface TestDevice {
  name: string
  create: () => Promise<Device>
}

/** Tiles that no device takes by itself, where every engine runs them exactly. */
const ON_REQUEST = ([...DENSE_WASM, ...INT8_WASM] as TileVariant[]).filter(
  ({ onRequest, dotStrategy }) => onRequest && (dotStrategy === undefined || dotStrategy === 'i16x8'),
)

/** Where the process has V8's flag (npm run test:wide): a device that cannot be made fails there too. */
const WIDE: TestDevice[] = process.execArgv.includes(WIDE_FLAG)
  ? [
      { name: 'wasm wide, 1 thread', create: () => createWasmDevice({ keepsSparse: true, wide: true, threads: 1 }) },
      {
        name: 'wasm wide, 2 threads',
        create: () => createWasmDevice({ keepsSparse: true, wide: true, threads: 2, shareFrom: 0 }),
      },
    ]
  : []

export const WASM_DEVICES: TestDevice[] = [
  {
    name: 'wasm relaxed, 1 thread',
    create: () => createWasmDevice({ keepsSparse: true, build: 'relaxed', threads: 1 }),
  },
  {
    name: 'wasm relaxed, 2 threads',
    create: () => createWasmDevice({ keepsSparse: true, build: 'relaxed', threads: 2, shareFrom: 0 }),
  },
  {
    name: 'wasm baseline, 1 thread',
    create: () => createWasmDevice({ keepsSparse: true, build: 'baseline', threads: 1, shared: false }),
  },
  ...WIDE,
  ...ON_REQUEST.map(({ op, id, needsRelaxedSimd }): TestDevice => {
    const build = needsRelaxedSimd ? 'relaxed' : 'baseline'
    const create = () => createWasmDevice({ keepsSparse: true, build, threads: 1, variants: { [op]: id } })
    return { name: `wasm ${build}, ${op} ${id}`, create }
  }),
]

export const GPU_DEVICES: TestDevice[] = [
  { name: 'webgpu direct', create: () => createGpuDevice({ kernels: 'direct' }) },
  { name: 'webgpu tiled', create: () => createGpuDeviceWith({ kernels: 'tiled', keepsSparse: true }) },
]

export const ALL_DEVICES: TestDevice[] = [...WASM_DEVICES, ...GPU_DEVICES]
