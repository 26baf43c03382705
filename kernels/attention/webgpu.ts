// Attention over ragged sequences on the GPU: the host lists tiles of queries, none across two sequences.

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import { padded, type KernelCall, type Slot } from '../webgpu/call.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { BufferSpec, Op } from '../program/program.ts'
import type { TilesCover } from '../program/variants.ts'
import { ATTENTION_WEBGPU, type AttentionOperands, type AttentionSize } from './variants.ts'

type AttentionOp = Extract<Op, { kind: 'attention' }>

export function attentionCall(op: AttentionOp, spec: BufferSpec, offers: Offers, uploader: Uploader): KernelCall {
  const { heads, headSize } = op
  if (op.distanceBias) throw new Error('attention: a distance bias is not computed on this device yet')
  const dims = uploader.dims([padded(spec.width), heads, { f32: 1 / Math.sqrt(headSize) }, headSize])
  const slots = (shape: Slot, queries: number): Slot[] => [
    shape,
    { from: 'tiles', queries },
    { from: 'buffer', id: op.query },
    { from: 'buffer', id: op.key },
    { from: 'buffer', id: op.value },
    { from: 'buffer', id: op.output },
    { from: 'weight', buffer: dims },
  ]
  const size: AttentionSize = { headSize }
  return {
    label: `attention to ${spec.name}`,
    rows: 'tokens',
    variants: bindVariants<AttentionOperands, AttentionSize, TilesCover>(ATTENTION_WEBGPU, {
      offers,
      size,
      operands: {
        // one workgroup per tile reads no shape
        tiles: ({ covers }) => slots(null, covers.queries),
        'shape-and-tiles': ({ covers }) => slots({ from: 'shape', rows: 'tokens' }, covers.queries),
      },
      columns: heads,
    }),
  }
}
