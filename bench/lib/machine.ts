// What a result was measured on. No host name: a class of CPU says as much and no more.

import { cpus, totalmem, platform, arch } from 'node:os'
import { readFileSync } from 'node:fs'

export interface Machine {
  /** e.g. 'zen3-2core': names result files */
  class: string
  cpu: string
  cores: number
  memoryGiB: number
  platform: string
  /** instruction sets that decide between kernels */
  features: string[]
}

export interface Engine {
  node: string
  v8: string
}

/** AMD and Intel families by CPUID, the ones that servers and laptops of today have. */
function microarchitecture(info: Map<string, string>): string {
  const family = Number(info.get('cpu family'))
  const model = Number(info.get('model'))
  if (info.get('vendor_id') === 'AuthenticAMD') {
    if (family === 23) return model >= 48 ? 'zen2' : 'zen1'
    if (family === 25) return (model >= 16 && model < 32) || model >= 96 ? 'zen4' : 'zen3'
    if (family === 26) return 'zen5'
  }
  if (info.get('vendor_id') === 'GenuineIntel') {
    const known: Record<number, string> = {
      85: 'skylake-sp',
      106: 'icelake-sp',
      143: 'sapphire-rapids',
      207: 'emerald-rapids',
      173: 'granite-rapids',
    }
    return known[model] ?? `intel-${family}-${model}`
  }
  return 'cpu'
}

export function describeMachine(): Machine {
  const info = new Map<string, string>()
  try {
    for (const line of readFileSync('/proc/cpuinfo', 'utf8').split('\n')) {
      const [key, value] = line.split(':')
      if (value !== undefined && !info.has(key.trim())) info.set(key.trim(), value.trim())
    }
  } catch {
    // Not Linux: the model name of node:os has to do.
  }
  const cores = cpus().length
  const model = cpus()[0]?.model.trim() ?? 'unknown'
  const kind =
    info.size > 0
      ? microarchitecture(info)
      : model
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .replace(/^-|-$/g, '')
  const flags = new Set((info.get('flags') ?? '').split(' '))
  return {
    class: `${kind}-${cores}core`,
    cpu: model,
    cores,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()}-${arch()}`,
    features: ['fma', 'avx2', 'avx512f', 'avx_vnni', 'avx512_vnni', 'amx_int8'].filter((flag) => flags.has(flag)),
  }
}

export function describeEngine(): Engine {
  return { node: process.version, v8: process.versions.v8 }
}
