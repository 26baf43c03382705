// Where a study ran.

import { readFile } from 'node:fs/promises'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import type { DeviceInfo } from '../../kernels/program/device.ts'
import type { StudyResults } from '../report/results.ts'

let version: Promise<string> | null = null

/** This package's version, from the package.json above these sources or the built files. */
export function packageVersion(): Promise<string> {
  version ??= (async () => {
    for (const up of ['../../', '../../../'])
      try {
        const text = await readFile(new URL(`${up}package.json`, import.meta.url), 'utf8')
        const { name, version: found } = JSON.parse(text) as { name?: string; version?: string }
        if (name === 'compact-kernels' && found) return found
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    return 'unknown'
  })()
  return version
}

/** The machine and the engine as results.json names them. */
export async function describeMachine(
  cpu: DeviceInfo,
  adapter: string | null,
): Promise<Pick<StudyResults, 'machine' | 'engine'>> {
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
