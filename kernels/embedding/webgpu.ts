// The embedding on the GPU: word, position and type rows gathered, added and normalised in one dispatch. A word table
// larger than the adapter's bindings stays on the host, which then uploads the rows of each batch with its ids.

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import { packNorm, padded, type KernelCall, type Slot } from '../webgpu/call.ts'
import { copySlots, fixedDims, type QuantizedCopy } from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { BufferSpec, Op } from '../program/program.ts'
import type { EmbeddingTable } from '../program/weights.ts'
import { EMBEDDING_WEBGPU } from './variants.ts'

export type EmbeddingOp = Extract<Op, { kind: 'embedding' }>

/** Elements of one row in f32: offset + scale q for int8 rows. */
export function decodeRow(table: EmbeddingTable, row: number, target: Float32Array): void {
  const { width } = table
  if (table.kind === 'f32') return target.set(table.data.subarray(row * width, (row + 1) * width))
  for (let c = 0; c < width; c++)
    target[c] = table.offsets[row] + Math.fround(table.scales[row] * table.data[row * width + c])
}

/** True where the word table must stay on the host. */
export function isHostTable(table: EmbeddingTable, uploader: Pick<Uploader, 'fits'>): boolean {
  return !uploader.fits(table.rows * padded(table.width) * (table.kind === 'f32' ? 4 : 1))
}

async function uploadWords(table: EmbeddingTable, uploader: Uploader): Promise<GPUBuffer> {
  const { rows, width, data } = table
  const stride = padded(width)
  if (stride === width) return uploader.copy('word embeddings', data as Float32Array<ArrayBuffer>)
  return uploader.pack('word embeddings', rows * stride * data.BYTES_PER_ELEMENT, (memory) => {
    const packed = table.kind === 'f32' ? new Float32Array(memory) : new Uint8Array(memory)
    for (let row = 0; row < rows; row++) packed.set(data.subarray(row * width, (row + 1) * width), row * stride)
  })
}

/** @param copy also write the output's quantized copy, where it is given */
export async function embeddingCall(
  op: EmbeddingOp,
  spec: BufferSpec,
  copy: QuantizedCopy | null,
  offers: Offers,
  uploader: Uploader,
): Promise<KernelCall> {
  const stride = padded(spec.width)
  const isHost = isHostTable(op.word, uploader)
  const { word, position, type } = op
  const words: Slot = isHost ? { from: 'gathered' } : { from: 'weight', buffer: await uploadWords(word, uploader) }
  const scales = uploader.pack('word scales', word.kind === 'int8' ? word.rows * 8 : 16, (memory) => {
    if (word.kind !== 'int8') return
    const pairs = new Float32Array(memory)
    for (let row = 0; row < word.rows; row++) pairs.set([word.scales[row], word.offsets[row]], row * 2)
  })
  const positions = uploader.pack('positions and types', (position.rows + type.rows) * stride * 4, (memory) => {
    for (let row = 0; row < position.rows + type.rows; row++) {
      const target = new Float32Array(memory, row * stride * 4, spec.width)
      if (row < position.rows) decodeRow(position, row, target)
      else decodeRow(type, row - position.rows, target)
    }
  })
  const norm = uploader.pack('embedding norm', stride * 8, (memory) => packNorm(memory, op.gamma, op.beta))
  const wordInt8 = word.kind === 'int8' && !isHost ? 1 : 0
  const fixed = fixedDims(copy?.activationScale)
  const dims = uploader.dims([spec.width, stride, { f32: op.epsilon }, copy ? 1 : 0, wordInt8, position.rows, ...fixed])
  const slots: Slot[] = [
    { from: 'shape', rows: 'tokens' },
    { from: 'tokens' },
    words,
    { from: 'weight', buffer: scales },
    { from: 'weight', buffer: positions },
    { from: 'weight', buffer: norm },
    { from: 'buffer', id: op.output },
    ...copySlots(op.output, copy),
    { from: 'weight', buffer: dims },
  ]
  return {
    label: `embedding to ${spec.name}`,
    rows: 'tokens',
    variants: bindVariants(EMBEDDING_WEBGPU, { offers, size: {}, operands: { tables: () => slots } }),
  }
}
