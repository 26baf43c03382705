// The CPU device: programs on WebAssembly, one tape per run, all threads on it.

import { WASM } from '../generated/wasm.ts'
import type { Device, DeviceInfo, LoadOptions, Session } from '../program/device.ts'
import type { StoredProgram } from '../program/stored-weights.ts'
import { describeStrategy, relaxedDotOf, strategyFor, type RelaxedDot } from './dot-strategy.ts'
import type { DotStrategy } from './abi.ts'
import { WasmMemory } from './memory.ts'
import { compileEmbedded, hasRelaxedSimd, hasSharedMemory, hasSimd, type BuildName } from './modules.ts'
import { ThreadPool } from './pool.ts'
import { selfTest } from './self-test.ts'
import { WasmSession } from './session.ts'

export interface WasmDeviceOptions {
  /** default: the engine's cores, at most 4 */
  threads?: number
  /** 'auto': relaxed SIMD where the engine has it and computes it rightly */
  build?: 'auto' | 'baseline' | 'relaxed'
  /** 'auto': by a probe of what relaxed dot computes here */
  int8?: 'auto' | DotStrategy
  /** false: a memory of its own, one thread; default: shared where the engine allows and threads are more than 1 */
  shared?: boolean
  /**
   * Multiply-adds of a batch from which all threads share it; below, waking the others costs more than they save. The
   * default is SHARE_FROM; 0 shares every batch. Results do not depend on it.
   */
  shareFrom?: number
  /** tests only: other modules than the embedded ones, base64 */
  modules?: Record<BuildName, string>
}

/** About 1.5 ms of f32 on one core, where one and two threads took the same (docs/perf-log.md). */
const SHARE_FROM = 30e6

/** Beyond four, the short records of small models wait more than they compute. */
const MAX_DEFAULT_THREADS = 4

type Build = 'baseline' | 'relaxed'

/** A device on WebAssembly, with what `ts/train` needs besides sessions. */
export interface WasmDevice extends Device {
  readonly pool: ThreadPool
  /** the build that runs, e.g. 'relaxed-shared': a second module must be of the same */
  readonly build: BuildName
}

function coreCount(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1
}

/**
 * A device that runs programs on this machine's CPU.
 *
 * @throws Error where the engine has no WebAssembly SIMD, where what was asked for by name is not there or computes
 *   wrongly, or where even the baseline build computes wrongly
 * @example
 * const device = await createWasmDevice({ threads: 2 })
 * const session = await device.load(program)
 * const logits = await session.run({ offsets: Int32Array.of(0, 3), ids, types })
 */
export async function createWasmDevice(options: WasmDeviceOptions = {}): Promise<WasmDevice> {
  if (!hasSimd()) throw new Error('wasm: this engine has no WebAssembly SIMD; use a newer browser or Node')
  if (options.build === 'relaxed' && !hasRelaxedSimd())
    throw new Error("wasm: this engine has no relaxed SIMD; use build 'auto' or 'baseline'")
  const int8 = options.int8 ?? 'auto'
  if (options.build === 'baseline' && (int8 === 'u8' || int8 === 's8'))
    throw new Error(`wasm: int8 strategy '${int8}' needs relaxed SIMD, the baseline build has only 'i16x8'`)
  const notes: string[] = []
  if (options.build !== 'baseline' && hasRelaxedSimd()) {
    let found: string
    try {
      const tried = await tryBuild('relaxed', int8, options, notes)
      if ('device' in tried) return tried.device
      found = `the relaxed SIMD build computes ${tried.wrong.join(', ')} wrongly on this engine`
    } catch (error) {
      found = `the relaxed SIMD build does not run on this engine (${(error as Error).message})`
    }
    if (options.build === 'relaxed') throw new Error(`wasm: ${found}; use build 'auto' or 'baseline'`)
    notes.push(`${found}: the baseline build runs instead`)
  }
  const tried = await tryBuild('baseline', 'auto', options, notes)
  if ('device' in tried) return tried.device
  throw new Error(`wasm: the baseline build computes ${tried.wrong.join(', ')} wrongly on this engine; use another one`)
}

type Tried = { device: WasmDevice } | { wrong: string[] }

/** Starts one build and tests it; an int8 strategy that fails alone is replaced by i16x8. */
async function tryBuild(
  build: Build,
  int8: 'auto' | DotStrategy,
  options: WasmDeviceOptions,
  notes: string[],
): Promise<Tried> {
  const { pool, name } = await startPool(build, options, notes)
  try {
    const relaxedDot = build === 'relaxed' ? probeRelaxedDot(pool) : null
    let strategy: DotStrategy = int8 !== 'auto' ? int8 : relaxedDot ? strategyFor(relaxedDot) : 'i16x8'
    let wrong = await selfTest((program) => load(pool, program, strategy, 0, {}))
    const isInt8Alone = wrong.length > 0 && wrong.every((kernel) => kernel.includes('int8'))
    if (isInt8Alone && strategy !== 'i16x8' && int8 === 'auto') {
      notes.push(
        `the int8 strategy ${strategy} computes ${wrong.join(', ')} wrongly on this engine: i16x8 runs instead`,
      )
      strategy = 'i16x8'
      wrong = await selfTest((program) => load(pool, program, strategy, 0, {}))
    }
    if (wrong.length > 0) {
      await pool.dispose()
      return { wrong }
    }
    if (relaxedDot && strategy !== 'i16x8' && strategy !== strategyFor(relaxedDot))
      notes.push(
        `int8 strategy ${strategy} was asked for, but relaxed dot is not exact for it here: large operands go wrong`,
      )
    return { device: deviceOf(pool, name, build, strategy, relaxedDot, notes, options.shareFrom ?? SHARE_FROM) }
  } catch (error) {
    await pool.dispose()
    throw error
  }
}

async function startPool(
  build: Build,
  options: WasmDeviceOptions,
  notes: string[],
): Promise<{ pool: ThreadPool; name: BuildName }> {
  const wanted = options.threads ?? Math.min(coreCount(), MAX_DEFAULT_THREADS)
  let isShared = options.shared ?? wanted > 1
  if (isShared && !hasSharedMemory()) {
    isShared = false
    addNote(notes, 'no shared memory here (a page must be cross-origin isolated): one thread')
  }
  const modules = options.modules ?? WASM
  if (isShared) {
    const name: BuildName = `${build}-shared`
    const module = await compileEmbedded(modules[name])
    try {
      return { pool: await ThreadPool.create(new WasmMemory(true), module, wanted), name }
    } catch (error) {
      if (wanted === 1) throw error
      addNote(notes, `worker threads could not be started (${(error as Error).message}): one thread`)
    }
  } else if (wanted > 1 && options.shared === false) addNote(notes, 'without shared memory there is one thread')
  const module = await compileEmbedded(modules[build])
  return { pool: await ThreadPool.create(new WasmMemory(false), module, 1), name: build }
}

function addNote(notes: string[], note: string): void {
  if (!notes.includes(note)) notes.push(note)
}

function probeRelaxedDot(pool: ThreadPool): RelaxedDot {
  const { probe_dot } = pool.exports(0) as { probe_dot: (weight: number, activation: number) => number }
  return relaxedDotOf(probe_dot)
}

function load(
  pool: ThreadPool,
  program: StoredProgram,
  strategy: DotStrategy,
  shareFrom: number,
  options: LoadOptions,
): Promise<WasmSession> {
  return pool.enqueue(() => WasmSession.create(program, pool, strategy, shareFrom, options))
}

function deviceOf(
  pool: ThreadPool,
  build: BuildName,
  simd: Build,
  strategy: DotStrategy,
  relaxedDot: RelaxedDot | null,
  notes: string[],
  shareFrom: number,
): WasmDevice {
  const f32 = simd === 'relaxed' ? 'f32 6x8, relaxed madd' : 'f32 6x8, multiply and add'
  const int8 = describeStrategy(strategy, relaxedDot)
  const info: DeviceInfo = {
    kind: 'cpu',
    name: `wasm ${simd}-simd, ${pool.threads} thread${pool.threads > 1 ? 's' : ''}`,
    software: false,
    threads: pool.threads,
    variants: {
      'dense-matmul': f32,
      'int8-matmul': int8,
      'sparse-matmul csr': 'f32, 32 tokens a pass',
      'sparse-matmul int8-1x4': int8,
      'sparse-matmul nm': f32,
      attention: `${f32}; i16 5x8 between int8 layers`,
    },
    notes,
  }
  return {
    pool,
    build,
    info: () => info,
    load: (program, options = {}): Promise<Session> => load(pool, program, strategy, shareFrom, options),
    dispose: () => pool.dispose(),
  }
}
