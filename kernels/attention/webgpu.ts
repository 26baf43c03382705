// Attention over ragged sequences on the GPU: the host lists tiles of queries, none across two sequences.

import { padded, type Form, type KernelCall, type Slot } from '../webgpu/call.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { BufferSpec, Op } from '../program/program.ts'

type AttentionOp = Extract<Op, { kind: 'attention' }>

/** Queries per tile of the kernels without workgroup memory, and of the tiled one. */
const DIRECT_QUERIES = 4
const TILED_QUERIES = 16
/** Largest head the tiled kernel's accumulators hold. */
const TILED_HEAD = 128

export function attentionCall(op: AttentionOp, spec: BufferSpec, uploader: Uploader): KernelCall {
  const { heads, headSize } = op
  const dims = uploader.dims([padded(spec.width), heads, { f32: 1 / Math.sqrt(headSize) }, headSize])
  const slots = (queries: number): Slot[] => [
    { from: 'shape', rows: 'tokens' },
    { from: 'tiles', queries },
    { from: 'buffer', id: op.query },
    { from: 'buffer', id: op.key },
    { from: 'buffer', id: op.value },
    { from: 'buffer', id: op.output },
    { from: 'weight', buffer: dims },
  ]
  const direct = (shader: 'attention.direct' | 'attention.naive'): Form => ({
    shader,
    constants: {},
    slots: slots(DIRECT_QUERIES),
    workgroups: ({ tiles }) => [Math.ceil(tiles(DIRECT_QUERIES) / 32), heads, 1],
  })
  const forms: Form[] = headSize % 4 === 0 ? [direct('attention.direct')] : [direct('attention.naive')]
  if (headSize % 4 === 0 && headSize <= TILED_HEAD)
    forms.unshift({
      shader: 'attention.tiled',
      constants: { D: headSize, KEYS: headSize <= 64 ? 32 : 8 },
      // the tiled kernel has one workgroup per tile and reads no shape
      slots: [null, ...slots(TILED_QUERIES).slice(1)],
      workgroups: ({ tiles }) => [tiles(TILED_QUERIES), heads, 1],
    })
  return { label: `attention to ${spec.name}`, rows: 'tokens', forms }
}
