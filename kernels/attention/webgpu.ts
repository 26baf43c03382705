// Attention over ragged sequences on the GPU: the host lists tiles of queries, none across two sequences.

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import { padded, type KernelCall, type Slot } from '../webgpu/call.ts'
import type { Uploader } from '../webgpu/upload.ts'
import { positionsOfBias, type BufferSpec, type Op } from '../program/program.ts'
import type { TilesCover } from '../program/variants.ts'
import { ATTENTION_WEBGPU, type AttentionOperands, type AttentionSize } from './variants.ts'

type AttentionOp = Extract<Op, { kind: 'attention' }>

export function attentionCall(op: AttentionOp, spec: BufferSpec, offers: Offers, uploader: Uploader): KernelCall {
  const { heads, headSize, distanceBias } = op
  const dims = uploader.dims([padded(spec.width), heads, { f32: 1 / Math.sqrt(headSize) }, headSize])
  // a shader that adds no bias reads nothing there
  const bias: Slot = distanceBias
    ? {
        from: 'weight',
        buffer: uploader.packOnce(spec.name, 'distance bias', [distanceBias], distanceBias.byteLength, (memory) =>
          new Float32Array(memory).set(distanceBias),
        ),
      }
    : { from: 'buffer', id: op.key }
  const slots = (shape: Slot, queries: number): Slot[] => [
    shape,
    { from: 'tiles', queries },
    { from: 'buffer', id: op.query },
    { from: 'buffer', id: op.key },
    { from: 'buffer', id: op.value },
    { from: 'buffer', id: op.output },
    { from: 'weight', buffer: dims },
    bias,
  ]
  const size: AttentionSize = { headSize, positions: distanceBias ? positionsOfBias(distanceBias, heads) : 0 }
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
