// The computer and the engine that results come from (Node only).

import { readFile } from 'node:fs/promises'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeviceInfo } from '../../kernels/program/device.ts'

export interface ComputerInfo {
  /** model name of the CPU */
  cpu: string
  cores: number
  memoryBytes: number
  platform: string
}

export interface EngineInfo {
  name: 'compact-kernels'
  version: string
  node: string
  v8: string
  /** the CPU device's name */
  cpu: string
  /** the GPU adapter's name; null where none was used */
  gpu: string | null
}

let version: Promise<string> | null = null

/** This package's version, from the package.json above these sources or the built files. */
export function packageVersion(): Promise<string> {
  version ??= (async () => {
    const here = dirname(fileURLToPath(import.meta.url))
    for (const up of ['../..', '../../..'])
      try {
        const text = await readFile(join(here, up, 'package.json'), 'utf8')
        const { name, version: found } = JSON.parse(text) as { name?: string; version?: string }
        if (name === 'compact-kernels' && found) return found
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    return 'unknown'
  })()
  return version
}

/** Both, as results.json names them. */
export async function describeMachine(
  cpu: DeviceInfo,
  adapter: string | null,
): Promise<{ machine: ComputerInfo; engine: EngineInfo }> {
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      platform: `${platform()} ${release()} ${arch()}`,
    },
    engine: {
      name: 'compact-kernels',
      version: await packageVersion(),
      node: process.versions.node,
      v8: process.versions.v8,
      cpu: cpu.name,
      gpu: adapter,
    },
  }
}
