// Small results from the device: a ring of mappable buffers, and the way to wait that this browser answers fastest.

import { GPUBufferUsageBits, MAP_MODE_READ } from './upload.ts'

/**
 * plain: wait for the map. Chrome on Vulkan and D3D12 looks at fences every 2 ms, but also whenever an error scope is
 * popped ('scopes'); Firefox looks every 100 ms, but also at every submit ('submits').
 */
type Waiting = 'plain' | 'scopes' | 'submits'

const RING = 3
/** Another way of waiting must save this share of the time to be taken. */
const WORTH = 0.7
/** And this many milliseconds: the polls to be avoided come every 2 ms or more rarely, less than this is noise. */
const WORTH_MS = 0.3
const TRIALS = 3

export class Readback {
  readonly #device: GPUDevice
  readonly #ring: (GPUBuffer | null)[] = new Array<null>(RING).fill(null)
  readonly #busy: boolean[] = new Array<boolean>(RING).fill(false)
  #waiting: Waiting = 'plain'

  constructor(device: GPUDevice) {
    this.#device = device
  }

  get waiting(): string {
    return this.#waiting
  }

  /**
   * Adds the copy of `size` bytes to `encoder`, submits it, and returns the bytes. Rejects where the commands do not
   * validate or the device is lost.
   */
  async submitAndRead(
    encoder: GPUCommandEncoder,
    source: GPUBuffer,
    offset: number,
    size: number,
  ): Promise<ArrayBuffer> {
    const device = this.#device
    const slot = this.#busy.indexOf(false)
    const target = slot < 0 ? this.#create(size) : this.#grown(slot, size)
    if (slot >= 0) this.#busy[slot] = true
    try {
      device.pushErrorScope('validation')
      encoder.copyBufferToBuffer(source, offset, target, 0, size)
      device.queue.submit([encoder.finish()])
      const invalid = device.popErrorScope()
      const mapped = this.#wait(target.mapAsync(MAP_MODE_READ, 0, size)).then(
        () => null,
        (error: unknown) => error as Error,
      )
      const [failure, error] = [await mapped, await invalid]
      if (error) throw new Error(`WebGPU: the commands were refused: ${error.message}`)
      if (failure) throw failure
      const bytes = target.getMappedRange(0, size).slice(0)
      target.unmap()
      return bytes
    } catch (error) {
      // it may be mapped still, and is no buffer for the next one
      if (slot >= 0) {
        target.destroy()
        this.#ring[slot] = null
      }
      throw error
    } finally {
      if (slot < 0) target.destroy()
      else this.#busy[slot] = false
    }
  }

  async #wait(mapped: Promise<unknown>): Promise<void> {
    if (this.#waiting === 'plain') return void (await mapped)
    let isDone = false
    const done = mapped.finally(() => (isDone = true))
    // the loop ends when the map does; its failure is reported by the await below
    done.catch(() => undefined)
    while (!isDone) {
      if (this.#waiting === 'scopes') {
        this.#device.pushErrorScope('validation')
        await this.#device.popErrorScope()
      } else {
        this.#device.queue.submit([])
        await new Promise((resolve) => setTimeout(resolve, 0))
      }
    }
    await done
  }

  /** Times each way of waiting on an empty readback and keeps the fastest. */
  async calibrate(): Promise<void> {
    const { STORAGE, COPY_SRC } = GPUBufferUsageBits
    const source = this.#device.createBuffer({ size: 256, usage: STORAGE | COPY_SRC })
    const time = async (waiting: Waiting): Promise<number> => {
      this.#waiting = waiting
      const times: number[] = []
      for (let i = 0; i < TRIALS; i++) {
        const start = performance.now()
        await this.submitAndRead(this.#device.createCommandEncoder(), source, 0, 256)
        times.push(performance.now() - start)
      }
      return times.sort((a, b) => a - b)[TRIALS >> 1]
    }
    let best: Waiting = 'plain'
    let bestTime = await time('plain')
    for (const waiting of ['scopes', 'submits'] as const) {
      const taken = await time(waiting)
      if (taken < Math.min(bestTime * WORTH, bestTime - WORTH_MS)) [best, bestTime] = [waiting, taken]
    }
    this.#waiting = best
    source.destroy()
  }

  #create(size: number): GPUBuffer {
    const { MAP_READ, COPY_DST } = GPUBufferUsageBits
    return this.#device.createBuffer({ label: 'readback', size, usage: MAP_READ | COPY_DST })
  }

  #grown(slot: number, size: number): GPUBuffer {
    const existing = this.#ring[slot]
    if (existing && existing.size >= size) return existing
    existing?.destroy()
    return (this.#ring[slot] = this.#create(Math.max(4096, 2 ** Math.ceil(Math.log2(size)))))
  }

  dispose(): void {
    this.#ring.forEach((buffer) => buffer?.destroy())
    this.#ring.fill(null)
  }
}
