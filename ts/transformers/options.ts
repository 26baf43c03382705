// Options of everything that opens a model.

import type { DeviceChoice } from '../inference/devices.ts'
import type { Dtype } from './dtype.ts'
import type { FilesOptions } from './files.ts'
import { progressOf, type ProgressCallback } from './progress.ts'

export interface PretrainedOptions {
  progress_callback?: ProgressCallback | null
  /** branch, tag or commit; 'main' if not given */
  revision?: string
  /** nothing from the network */
  local_files_only?: boolean
  /** folder of the cache in Node, in place of env.cacheDir */
  cache_dir?: string | null
  /** ends the loading */
  signal?: AbortSignal
}

export interface ModelOptions extends PretrainedOptions {
  /** 'auto' if not given: a GPU where there is a real one, else WebAssembly */
  device?: DeviceChoice | null
  /** as the files are if not given; 'q8' compresses in memory; one of our recipes too */
  dtype?: Dtype | null
  /** WebAssembly threads */
  threads?: number
  /** pages only: the address of the package's dist/thread.js */
  workerUrl?: string | URL
}

export const fileOptions = (model: string, options: PretrainedOptions): FilesOptions => ({
  progress: progressOf(model, options.progress_callback),
  revision: options.revision,
  localFilesOnly: options.local_files_only,
  cacheDir: options.cache_dir ?? undefined,
  signal: options.signal,
})
