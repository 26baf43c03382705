// What this browser can do: asked of it, not guessed from its name.

import { hasRelaxedSimd, hasSimd } from '../kernels/wasm/modules.ts'
import { describeAdapter, isSoftware } from '../kernels/webgpu/adapter.ts'
import type { DeviceRequest } from './messages.ts'

export interface Adapter {
  name: string
  software: boolean
  features: ReadonlySet<string>
  largestBufferBytes: number
}

export interface Abilities {
  simd: boolean
  relaxedSimd: boolean
  isolated: boolean
  cores: number
  /** null where there is none; `noAdapter` says why */
  adapter: Adapter | null
  noAdapter: 'no webgpu' | 'no adapter' | null
  /** WGSL has dot4I8Packed */
  dp4a: boolean
}

/** Most threads that pay on small models. */
const MOST_THREADS = 4
export const threads = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency ?? 1, MOST_THREADS) : 1

/** What WebAssembly can run on here; a GPU is added once an adapter answers. */
export const WASM_DEVICES: readonly DeviceRequest[] = [
  { kind: 'wasm', threads: 1 },
  ...(threads > 1 ? [{ kind: 'wasm', threads } as const] : []),
]

async function findAdapter(): Promise<Pick<Abilities, 'adapter' | 'noAdapter'>> {
  if (!('gpu' in navigator)) return { adapter: null, noAdapter: 'no webgpu' }
  const found = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!found) return { adapter: null, noAdapter: 'no adapter' }
  const adapter = {
    name: describeAdapter(found.info),
    software: isSoftware(found.info),
    features: new Set<string>(found.features),
    largestBufferBytes: found.limits.maxStorageBufferBindingSize,
  }
  return { adapter, noAdapter: null }
}

export async function askBrowser(): Promise<Abilities> {
  const found = await findAdapter()
  return {
    simd: hasSimd(),
    relaxedSimd: hasRelaxedSimd(),
    isolated: crossOriginIsolated,
    cores: navigator.hardwareConcurrency ?? 1,
    ...found,
    dp4a: 'gpu' in navigator && navigator.gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product'),
  }
}
