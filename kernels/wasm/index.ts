// The WebAssembly machine: memory, threads, tapes. kernels/wasm/device.ts runs programs on it, ts/train its own module.

export { compileEmbedded, hasRelaxedSimd, hasSharedMemory, hasSimd, type BuildName } from './modules.ts'
export { WasmMemory } from './memory.ts'
export { ThreadPool } from './pool.ts'
export { Regions } from './regions.ts'
export { f32Bits, TapeWriter } from './tape.ts'
