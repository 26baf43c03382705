// The CPU device: programs on WebAssembly, one tape per run, all threads on it.

import { DENSE_WASM } from '../dense-matmul/variants.ts'
import { WASM } from '../generated/wasm.ts'
import { INT8_WASM } from '../int8-matmul/variants.ts'
import { checkChoice, checkNames, type OptionNames } from '../program/check-options.ts'
import type { Device, DeviceInfo, LoadOptions, Session } from '../program/device.ts'
import { placePositions } from '../program/positions.ts'
import type { StoredProgram } from '../program/stored-weights.ts'
import { relaxedDotOf, type RelaxedDot } from './dot-strategy.ts'
import { DOT_STRATEGY, MAX_THREADS, type DotStrategy } from './abi.ts'
import type { EmbeddedModules } from './embedded.ts'
import { WasmMemory } from './memory.ts'
import { hasRelaxedSimd, hasSharedMemory, hasSimd, type BuildName } from './modules.ts'
import { ThreadPool } from './pool.ts'
import { selfTest } from './self-test.ts'
import { startWorker } from './worker.ts'
import type { WorkerEvents, WorkerThread } from './worker-thread.ts'
import { WasmSession } from './session.ts'
import {
  candidates,
  isRunnable,
  type ChosenVariants,
  type Engine,
  type Int8Variant,
  type ProofName,
  type TileVariant,
  type WasmVariant,
} from './variant.ts'
import { WASM_ROWS } from './variants.ts'
import type { WideKernels } from './wide.ts'

export interface WasmDeviceOptions {
  /** default: the engine's cores, at most 4 */
  threads?: number
  /** 'auto': relaxed SIMD where the engine has it and computes it rightly */
  build?: 'auto' | 'baseline' | 'relaxed'
  /** 'auto': by a probe of what relaxed dot computes here */
  int8?: 'auto' | DotStrategy
  /**
   * true: kernels for engines that run pairs of vectors as one of 256 bits, as Node does with
   * --experimental-wasm-revectorize. They are fetched then, and a probe at start must show that the engine does it.
   */
  wide?: boolean
  /** ids of variants to take instead of the preferred ones, for those who compare them */
  variants?: { 'dense-matmul'?: string; 'int8-matmul'?: string }
  /** false: memory that is not shared, one thread; default: shared where the engine allows and threads are more than 1 */
  shared?: boolean
  /**
   * Multiply-adds of a batch from which all threads share it; below, waking the others costs more than they save. The
   * default is SHARE_FROM; 0 shares every batch. Results do not depend on it.
   */
  shareFrom?: number
  /** sparse layers run as such whatever their density, for those who compare formats; default: dense where that is faster */
  keepsSparse?: boolean
  /**
   * Pages only: the address of the package's dist/thread.js, which threads run in place of a blob: address, for content
   * security policies that forbid those. Of the page's own origin.
   */
  workerUrl?: string | URL
  /** tests only: other modules than the embedded ones */
  modules?: EmbeddedModules
}

const OPTIONS: OptionNames<WasmDeviceOptions> = {
  ...{ threads: true, build: true, int8: true, wide: true, variants: true, shared: true, shareFrom: true },
  keepsSparse: true,
  ...{ workerUrl: true, modules: true },
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
 * @throws Error where the engine has no WebAssembly SIMD, where what was asked for by name (`build`, `int8`, `wide`,
 *   `variants`) is not there or computes wrongly, or where even the baseline build computes wrongly
 * @example
 * const device = await createWasmDevice({ threads: 2 })
 * const session = await device.load(program)
 * const logits = await session.run({ offsets: Int32Array.of(0, 3), ids, types })
 */
export async function createWasmDevice(options: WasmDeviceOptions = {}): Promise<WasmDevice> {
  checkOptions(options)
  if (!hasSimd()) throw new Error('wasm: this engine has no WebAssembly SIMD; use a newer browser or Node')
  if (options.build === 'relaxed' && !hasRelaxedSimd())
    throw new Error("wasm: this engine has no relaxed SIMD; use build 'auto' or 'baseline'")
  if (options.build === 'baseline' && (options.int8 === 'u8' || options.int8 === 's8'))
    throw new Error(`wasm: int8 strategy '${options.int8}' needs relaxed SIMD, the baseline build has only 'i16x8'`)
  const notes: string[] = []
  if (options.wide) return createWideDevice(options, notes)
  if (options.build !== 'baseline' && hasRelaxedSimd()) {
    let found: string
    try {
      const tried = await tryBuild('relaxed', options, notes)
      if ('device' in tried) return tried.device
      found = `the relaxed SIMD build computes ${tried.wrong.join(', ')} wrongly on this engine`
    } catch (error) {
      found = `the relaxed SIMD build does not run on this engine (${(error as Error).message})`
    }
    if (options.build === 'relaxed') throw new Error(`wasm: ${found}; use build 'auto' or 'baseline'`)
    notes.push(`${found}: the baseline build runs instead`)
  }
  const tried = await tryBuild('baseline', { ...options, int8: 'auto' }, notes)
  if ('device' in tried) return tried.device
  throw new Error(`wasm: the baseline build computes ${tried.wrong.join(', ')} wrongly on this engine; use another one`)
}

/** @throws Error where the engine does not run 256 bits at a time, or computes wrongly then */
async function createWideDevice(options: WasmDeviceOptions, notes: string[]): Promise<WasmDevice> {
  if (options.build === 'baseline' || !hasRelaxedSimd())
    throw new Error('wasm: wide needs relaxed SIMD, of a newer engine and not of the baseline build; leave wide out')
  const { WIDE } = await import('./wide.ts')
  const tried = await tryBuild('relaxed', options, notes, WIDE)
  if ('device' in tried) return tried.device
  throw new Error(`wasm: the wide kernels compute ${tried.wrong.join(', ')} wrongly on this engine; leave wide out`)
}

/** @throws TypeError or RangeError where an option is of another kind or out of range */
function checkOptions(options: WasmDeviceOptions): void {
  checkNames('wasm', options, OPTIONS)
  const { threads, build, int8, wide, shareFrom } = options
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS))
    throw new RangeError(`wasm: threads is ${String(threads)}, expected a whole number from 1 to ${MAX_THREADS}`)
  if (shareFrom !== undefined && !(typeof shareFrom === 'number' && shareFrom >= 0))
    throw new RangeError(`wasm: shareFrom is ${String(shareFrom)}, expected a number from 0`)
  checkChoice('wasm', 'build', build, ['auto', 'baseline', 'relaxed'])
  checkChoice('wasm', 'int8', int8, ['auto', ...Object.keys(DOT_STRATEGY)])
  checkChoice('wasm', 'wide', wide, [true, false])
}

type Tried = { device: WasmDevice } | { wrong: ProofName[] }

/** Variants that a device may take, the preferred ones first. */
interface Candidates {
  dense: TileVariant[]
  int8: Int8Variant[]
}

/** Starts one build and tests it. A variant that fails leaves its place to the next one, unless the caller asked for it. */
async function tryBuild(build: Build, options: WasmDeviceOptions, notes: string[], wide?: WideKernels): Promise<Tried> {
  const { pool, name } = await startPool(wide?.modules ?? options.modules ?? WASM, build, options, notes)
  try {
    await wide?.prove(pool)
    const isRelaxed = build === 'relaxed'
    const engine: Engine = { isRelaxed, isWide: !!wide, relaxedDot: isRelaxed ? probeRelaxedDot(pool) : null }
    const found = candidatesFor(engine, options, wide)
    for (;;) {
      const chosen = { dense: found.dense[0], int8: found.int8[0], keepsSparse: options.keepsSparse ?? false }
      const proved = { ...chosen, keepsSparse: true }
      const wrong = await selfTest((program) => load(pool, program, proved, 0, {}, []), proofsOf(chosen, engine))
      if (wrong.length === 0) {
        if (!isRunnable(chosen.int8, engine))
          notes.push(
            `int8 strategy ${chosen.int8.id} was asked for, but relaxed dot is not exact for it here: large operands go wrong`,
          )
        return { device: deviceOf(pool, name, engine, chosen, notes, options.shareFrom ?? SHARE_FROM) }
      }
      if (!giveWay(found, wrong, notes)) {
        await pool.dispose()
        return { wrong }
      }
    }
  } catch (error) {
    await pool.dispose()
    throw error
  }
}

/** @throws Error where a variant is asked for that there is not, or that this build does not have */
function candidatesFor(
  engine: Engine,
  { int8 = 'auto', variants = {} }: WasmDeviceOptions,
  wide: WideKernels | undefined,
): Candidates {
  const denseRows: readonly TileVariant[] = [...(wide?.dense ?? []), ...DENSE_WASM]
  const int8Rows: readonly Int8Variant[] = [...(wide?.int8 ?? []), ...INT8_WASM]
  const found: Candidates = { dense: candidates(denseRows, engine), int8: candidates(int8Rows, engine) }
  if (int8 !== 'auto') found.int8 = int8Rows.filter(({ dotStrategy }) => dotStrategy === int8)
  const dense = variants['dense-matmul'],
    int8Tile = variants['int8-matmul']
  if (dense !== undefined) found.dense = [variantOf(denseRows, dense, engine)]
  if (int8Tile !== undefined) found.int8 = [variantOf(int8Rows, int8Tile, engine)]
  return found
}

function variantOf<R extends WasmVariant>(rows: readonly R[], id: string, { isRelaxed }: Engine): R {
  const there = rows.filter((row) => isRelaxed || !row.needsRelaxedSimd)
  const row = there.find((candidate) => candidate.id === id)
  if (row) return row
  const ids = there.map((candidate) => candidate.id).join(', ')
  throw new Error(`wasm: ${rows[0].op} has no variant '${id}' in this build; choose one of ${ids}`)
}

/** The proofs of all variants that a device with these chosen ones may run. */
function proofsOf({ dense, int8 }: ChosenVariants, engine: Engine): ProofName[] {
  const others = WASM_ROWS.filter(({ op }) => op !== dense.op && op !== int8.op)
  return [dense, int8, ...others.filter((row) => isRunnable(row, engine))].map(({ proof }) => proof)
}

/**
 * Takes the first of the candidates away where they explain all that is wrong and others are left.
 * @returns whether there is something new to try
 */
function giveWay(found: Candidates, wrong: ProofName[], notes: string[]): boolean {
  const ofInt8 = new Set(WASM_ROWS.flatMap(({ proof, dotStrategy }) => (dotStrategy === undefined ? [] : [proof])))
  const wrongInt8 = wrong.filter((proof) => ofInt8.has(proof))
  const wrongDense = wrong.filter((proof) => proof === found.dense[0].proof)
  if (wrongInt8.length + wrongDense.length < wrong.length) return false
  const failed = [
    ...(wrongDense.length > 0 ? [{ rows: found.dense, wrong: wrongDense }] : []),
    ...(wrongInt8.length > 0 ? [{ rows: found.int8, wrong: wrongInt8 }] : []),
  ]
  if (failed.some(({ rows }) => rows.length === 1)) return false
  for (const { rows, wrong } of failed) {
    const [first] = rows.splice(0, 1)
    notes.push(`variant ${first.id} computes ${wrong.join(', ')} wrongly on this engine: ${rows[0].id} runs instead`)
  }
  return true
}

async function startPool(
  modules: WideKernels['modules'] & Partial<EmbeddedModules>,
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
  if (isShared) {
    const name: BuildName = `${build}-shared`
    const module = await compile(modules[name]!())
    try {
      const start = (events: WorkerEvents): Promise<WorkerThread> => startWorker(events, options.workerUrl)
      return { pool: await ThreadPool.create(new WasmMemory(true), module, wanted, undefined, start), name }
    } catch (error) {
      if (wanted === 1) throw error
      addNote(notes, `worker threads could not be started (${(error as Error).message}): one thread`)
    }
  } else if (wanted > 1 && options.shared === false) addNote(notes, 'without shared memory there is one thread')
  const module = await compile(modules[build]!())
  return { pool: await ThreadPool.create(new WasmMemory(false), module, 1), name: build }
}

/** @throws where a page's policy forbids WebAssembly, in words that say what to allow */
async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes)
  } catch (cause) {
    if (!/content security policy|unsafe-eval/i.test(String(cause))) throw cause
    throw new Error(
      "wasm: this page's content security policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src",
      { cause },
    )
  }
}

function addNote(notes: string[], note: string): void {
  if (!notes.includes(note)) notes.push(note)
}

function probeRelaxedDot(pool: ThreadPool): RelaxedDot {
  const { probe_dot } = pool.exports(0) as { probe_dot: (weight: number, activation: number) => number }
  return relaxedDotOf(probe_dot)
}

async function load(
  pool: ThreadPool,
  given: StoredProgram,
  variants: ChosenVariants,
  shareFrom: number,
  options: LoadOptions,
  notes: string[],
): Promise<Session> {
  const { program, place } = placePositions(given)
  return pool.enqueue(async () => {
    const session = await WasmSession.create(program, pool, variants, shareFrom, options)
    const { denseLayers } = session
    if (denseLayers > 0)
      addNote(notes, `${denseLayers} sparse layers store too much to be faster than dense ones, and run as such`)
    if (!place) return session
    return {
      run: (batch) => session.run(place(batch)),
      runToInt8: (batch, activationScale) => session.runToInt8(place(batch), activationScale),
      stats: () => session.stats(),
      checkGuards: () => session.checkGuards(),
      dispose: () => session.dispose(),
      [Symbol.dispose]: () => session.dispose(),
    }
  })
}

/** For info(): what the device's variants say of themselves, those of one key joined. */
function describeVariants({ dense, int8 }: ChosenVariants, engine: Engine): Record<string, string> {
  const said: Record<string, string> = {}
  for (const row of [...[dense, int8].filter(({ isWide }) => isWide), ...WASM_ROWS]) {
    const isOther = (row.op === dense.op && row.id !== dense.id) || (row.op === int8.op && row.id !== int8.id)
    if (!row.shownAs || isOther) continue
    const { key, text } = row.shownAs
    said[key] = [...(key in said ? [said[key]] : []), text(engine, int8)].join('; ')
  }
  return said
}

function deviceOf(
  pool: ThreadPool,
  build: BuildName,
  engine: Engine,
  variants: ChosenVariants,
  notes: string[],
  shareFrom: number,
): WasmDevice {
  const info: DeviceInfo = {
    kind: 'cpu',
    name: `wasm ${engine.isRelaxed ? 'relaxed' : 'baseline'}-simd${engine.isWide ? ' in 256 bits' : ''}, ${pool.threads} thread${pool.threads > 1 ? 's' : ''}`,
    software: false,
    threads: pool.threads,
    variants: describeVariants(variants, engine),
    notes,
  }
  return {
    pool,
    build,
    info: () => info,
    load: (program, options = {}): Promise<Session> => load(pool, program, variants, shareFrom, options, notes),
    dispose: () => pool.dispose(),
    [Symbol.asyncDispose]: () => pool.dispose(),
  }
}
