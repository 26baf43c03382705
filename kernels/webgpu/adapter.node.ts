// Node's adapters: Dawn from the optional package `webgpu`, on the system's Vulkan (or Metal, D3D12), else on SwiftShader.

import { constants } from 'node:os'
import type { SoftwareChoice } from './software-choice.ts'
import { extractSwiftShader } from './swiftshader.node.ts'

export { calmPolls } from './calm-polls.node.ts'

/**
 * disable timestamp quantization: kernel times finer than 65.5 us. Zeroing workgroup memory by an extension makes
 * SwiftShader compile for seconds; without it Dawn zeroes by a loop, and no kernel here reads what it has not written.
 */
const TOGGLES = [
  'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension,timestamp_quantization',
  'enable-dawn-features=allow_unsafe_apis',
]

const LOADER = 'libvulkan.so.1'

/** Keeps the libraries of a dlopen for the life of the process: the Vulkan loader must not be unloaded under Dawn. */
const RTLD_NODELETE = 0x1000

interface Kept {
  /** Dawn's objects are freed with their JavaScript wrappers: the process would crash */
  instances: GPU[]
  /** one search at a time: it sets an environment variable for a while */
  search: Promise<unknown>
}

const KEY = Symbol.for('compact-kernels.gpu')

function kept(): Kept {
  const global = globalThis as { [KEY]?: Kept }
  return (global[KEY] ??= { instances: [], search: Promise.resolve() })
}

/** A fresh adapter (each makes one device), or null with the reasons pushed to `tried`. */
export function requestNodeAdapter(software: SoftwareChoice, tried: string[]): Promise<GPUAdapter | null> {
  const found = kept().search.then(() => searchAdapter(software, tried))
  kept().search = found.catch(() => undefined)
  return found
}

async function searchAdapter(software: SoftwareChoice, tried: string[]): Promise<GPUAdapter | null> {
  let dawn: typeof import('webgpu')
  try {
    dawn = await import('webgpu')
  } catch (error) {
    tried.push(`the package 'webgpu' cannot be loaded (${message(error)}): npm install webgpu`)
    return null
  }
  const create = (): GPU => {
    const gpu = dawn.create(TOGGLES) as unknown as GPU
    kept().instances.push(gpu)
    return gpu
  }
  const made = kept().instances.at(-1)
  // without a loader Dawn has nothing to try and warns on stderr
  if (made ?? hasLoader()) {
    const adapter = await requestFrom(made ?? create())
    if (adapter) return adapter
    tried.push("Dawn finds no adapter on the system's drivers")
  } else tried.push(`there is no ${LOADER} on this system`)
  if (software === 'never') return null
  const chosen = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES
  if (chosen) {
    tried.push(
      `VK_DRIVER_FILES or VK_ICD_FILENAMES is set to ${chosen} and names no usable driver: unset it for SwiftShader`,
    )
    return null
  }
  const driver = await extractSwiftShader().catch((error: unknown) => {
    tried.push(`SwiftShader: ${message(error)}`)
    return null
  })
  if (!driver) return null
  // read once by the Vulkan loader when Dawn makes its instance; put back, so that child processes see what was there
  process.env.VK_ICD_FILENAMES = driver.icd
  try {
    loadLibrary(driver.loader)
    const found = await requestFrom(create())
    if (!found) tried.push(`Dawn finds no adapter on SwiftShader (${driver.icd})`)
    return found
  } finally {
    delete process.env.VK_ICD_FILENAMES
  }
}

async function requestFrom(gpu: GPU): Promise<GPUAdapter | null> {
  return (
    (await gpu.requestAdapter({ powerPreference: 'high-performance' })) ??
    (await gpu.requestAdapter({ forceFallbackAdapter: true }))
  )
}

/** False where Linux has no Vulkan loader; other systems need none. */
function hasLoader(): boolean {
  if (process.platform !== 'linux') return true
  try {
    loadLibrary(LOADER)
    return true
  } catch {
    return false
  }
}

/** Loads a shared library for the whole process, as if LD_LIBRARY_PATH had named its folder. */
export function loadLibrary(path: string): void {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE)
  } catch (error) {
    // it is no Node addon, so Node complains after having loaded it; any other failure is a real one
    if (!message(error).includes('did not self-register')) throw error
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0] : String(error)
}
