// Buffers of a caller's own GPUDevice for tests, with a band behind each that nothing may write.

import { GPUBufferUsageBits, MAP_MODE_READ } from '../webgpu/upload.ts'

/** Bytes of the band, and what every word of it and of an output holds before: a quiet NaN, and no bytes of a kernel. */
const BAND = 256
const PATTERN = 0x7fc0dead

export interface GuardedBuffer {
  buffer: GPUBuffer
  /** without the band */
  bytes: number
}

/** A buffer of `bytes` that holds the pattern, or `data` and then the pattern. */
export function guardedBuffer(device: GPUDevice, bytes: number, data?: Float32Array | Int8Array): GuardedBuffer {
  const size = Math.ceil(bytes / 4) * 4 + BAND
  const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsageBits
  const buffer = device.createBuffer({ size, usage: STORAGE | COPY_DST | COPY_SRC })
  const words = new Uint32Array(size / 4).fill(PATTERN)
  if (data) new Uint8Array(words.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  device.queue.writeBuffer(buffer, 0, words)
  return { buffer, bytes }
}

/** What the buffers hold once the commands are done. Throws where a band was written. */
export async function readGuarded(
  device: GPUDevice,
  encoder: GPUCommandEncoder,
  given: GuardedBuffer[],
  label: string,
): Promise<ArrayBuffer[]> {
  const { MAP_READ, COPY_DST } = GPUBufferUsageBits
  const copies = given.map(({ buffer }) => {
    const copy = device.createBuffer({ size: buffer.size, usage: MAP_READ | COPY_DST })
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size)
    return copy
  })
  device.pushErrorScope('validation')
  device.queue.submit([encoder.finish()])
  const error = await device.popErrorScope()
  if (error) throw new Error(`${label}: ${error.message}`)
  return Promise.all(
    copies.map(async (copy, i) => {
      await copy.mapAsync(MAP_MODE_READ)
      const words = new Uint32Array(copy.getMappedRange().slice(0))
      copy.destroy()
      const { bytes } = given[i]
      const damaged = words.subarray(Math.ceil(bytes / 4)).findIndex((word) => word !== PATTERN)
      if (damaged >= 0) throw new Error(`${label}: buffer ${i} was written ${damaged * 4} bytes behind its end`)
      return words.buffer.slice(0, bytes)
    }),
  )
}
