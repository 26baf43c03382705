// What is held at a moment, counted where it is taken and given back: worker threads, buffers of a GPU, open files.
// Imported by tests only.

import { syncBuiltinESMExports } from 'node:module'
import worker from 'node:worker_threads'
import type { ModelFiles } from '../../ts/io/folder.ts'

/** Counts the worker threads that are there, until `end`. */
export function countWorkers(): { count: () => number; end: () => void } {
  const { Worker } = worker
  let there = 0
  class Counted extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given)
      there++
      this.on('exit', () => there--)
    }
  }
  const put = (Kind: typeof Worker): void => {
    Object.assign(worker, { Worker: Kind })
    syncBuiltinESMExports()
  }
  put(Counted)
  return { count: () => there, end: () => put(Worker) }
}

/** What a test does before one of the device's methods runs; throws what the method shall throw. */
type Before = (method: string, argument: unknown) => void

/** A GPUDevice that counts its buffers. */
export function countBuffers(own: GPUDevice, before: Before = () => {}): { device: GPUDevice; count: () => number } {
  const there = new Set<GPUBuffer>()
  const device = new Proxy(own, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown => {
        before(String(name), given[0])
        const made: unknown = Reflect.apply(value, target, given)
        if (name === 'createBuffer') {
          const buffer = made as GPUBuffer
          there.add(buffer)
          const { destroy } = buffer
          buffer.destroy = () => {
            there.delete(buffer)
            destroy.call(buffer)
          }
        }
        return made
      }
    },
  })
  return { device, count: () => there.size }
}

/** Files that count what is open, and say before each is read which it is. */
export function countOpen(
  files: ModelFiles,
  before: (name: string) => void,
): { files: ModelFiles; count: () => number } {
  let there = 0
  const watched: ModelFiles = {
    ...files,
    text: async (name) => {
      before(name)
      return files.text(name)
    },
    open: async (name) => {
      const source = await files.open(name)
      if (!source) return null
      there++
      return {
        ...source,
        read: (position, into) => {
          before(name)
          return source.read(position, into)
        },
        close: async () => {
          there--
          await source.close()
        },
      }
    },
  }
  return { files: watched, count: () => there }
}
