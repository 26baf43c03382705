// The CPU device: programs on WebAssembly, one tape per run, all threads on it.

import { WASM } from '../generated/wasm.ts'
import type { Device, DeviceInfo, LoadOptions, Session } from '../runtime/device.ts'
import type { Program } from '../runtime/program.ts'
import { compileEmbedded, hasRelaxedSimd, hasSharedMemory, hasSimd } from '../runtime/wasm/modules.ts'
import type { Int8Path } from '../runtime/wasm/lowering.ts'
import { WasmMemory } from '../runtime/wasm/memory.ts'
import { ThreadPool } from '../runtime/wasm/pool.ts'
import { WasmSession } from './wasm-session.ts'

export interface WasmDeviceOptions {
  /** default: the engine's cores, at most 4 */
  threads?: number
  /** 'auto': relaxed SIMD where the engine has it and computes it rightly */
  build?: 'auto' | 'baseline' | 'relaxed'
  /** 'auto': by a probe of what relaxed dot computes here */
  int8?: 'auto' | Int8Path
  /** false: a memory of its own, one thread; default: shared where the engine allows and threads are more than 1 */
  shared?: boolean
}

const MAX_DEFAULT_THREADS = 4

function coreCount(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1
}

/**
 * A device that runs programs on this machine's CPU.
 *
 * @throws Error where the engine has no WebAssembly SIMD, or none of what was asked for by name
 */
export async function createWasmDevice(options: WasmDeviceOptions = {}): Promise<Device> {
  if (!hasSimd()) throw new Error('wasm: this engine has no WebAssembly SIMD; use a newer browser or Node')
  const notes: string[] = []
  let threads = options.threads ?? Math.min(coreCount(), MAX_DEFAULT_THREADS)
  let isShared = options.shared ?? threads > 1
  if (isShared && !hasSharedMemory()) {
    notes.push('no shared memory here (a page must be cross-origin isolated): one thread')
    isShared = false
  }
  if (!isShared) threads = 1
  const wantsRelaxed = options.build !== 'baseline'
  if (options.build === 'relaxed' && !hasRelaxedSimd()) throw new Error('wasm: this engine has no relaxed SIMD')
  const build: 'relaxed' | 'baseline' = wantsRelaxed && hasRelaxedSimd() ? 'relaxed' : 'baseline'
  const module = await compileEmbedded(WASM[isShared ? (`${build}-shared` as const) : build])
  const pool = await ThreadPool.create(new WasmMemory(isShared), module, threads)
  const info: DeviceInfo = {
    kind: 'cpu',
    name: `wasm ${build}-simd, ${threads} thread${threads > 1 ? 's' : ''}`,
    software: false,
    threads,
    variants: {},
    notes,
  }
  return {
    info: () => info,
    load: async (program: Program, loadOptions: LoadOptions = {}): Promise<Session> =>
      pool.enqueue(() => new WasmSession(program, pool, 'i16x8', loadOptions, () => {})),
    dispose: () => pool.dispose(),
  }
}
