// The last step of compiling: one kernel call for each op that the passes have left, with its weights packed and uploaded.

import { attentionCall } from '../attention/webgpu.ts'
import { denseCall } from '../dense-matmul/webgpu.ts'
import { decodeRow, embeddingCall, isHostTable } from '../embedding/webgpu.ts'
import { int8Call, quantizeCall, type Int8Panels } from '../int8-matmul/webgpu.ts'
import { normAfterVariants, normBeforeVariants } from '../int8-matmul/webgpu-norm.ts'
import { factorsSize, fusedVariants } from '../low-rank-linear/webgpu.ts'
import { layernormCall, poolCall } from '../row-ops/webgpu.ts'
import { isInTiles, nmCall, rowsCall } from '../sparse-matmul/webgpu.ts'
import type { Precision } from '../program/device.ts'
import type { BufferId, Op } from '../program/program.ts'
import type { CsrWeight, DenseWeight, Int8BlockWeight, Int8Weight, NmWeight } from '../program/weights.ts'
import type { Offers } from './bind-variants.ts'
import type { KernelCall } from './call.ts'
import type { LinearSpec } from './linear.ts'
import { layersOf, type GpuOp, type GpuProgram, type LayernormOp, type LinearOp } from './passes/gpu-program.ts'
import type { CompiledProgram } from './session.ts'
import type { Uploader } from './upload.ts'

/** How weights are packed, as a context says. */
export interface Packing extends Offers {
  /** of dense f32 layers */
  precision: Precision
}

export const bytesPerWeight = ({ precision }: Packing): number => (precision === 'f32' ? 4 : 2)

/** A linear layer's call with what calls beside it need of it. */
interface LinearCall {
  call: KernelCall
  spec: LinearSpec
  /** of an int8 layer */
  packed: Int8Panels | null
}

export async function lower(
  program: GpuProgram,
  uploader: Uploader,
  packing: Packing,
): Promise<Omit<CompiledProgram, 'program'>> {
  const calls: KernelCall[] = []
  const copies = new Set<BufferId>()
  let gather: CompiledProgram['gather'] = null
  let before: LinearCall | null = null
  for (const [i, op] of program.ops.entries()) {
    const linear: LinearCall | null = op.kind === 'linear' ? lowerLinear(program, i, before, uploader, packing) : null
    const call: KernelCall = linear?.call ?? (await lowerOther(program, op as OtherOp, uploader, packing))
    calls.push({ ...call, readers: op.readers, writer: op.writer })
    if (op.kind === 'quantize') copies.add(op.input)
    if ((op.kind === 'embedding' || op.kind === 'layernorm') && op.copy) copies.add(op.output)
    if (op.kind === 'embedding' && isHostTable(op.word, uploader)) gather = gatherFrom(op)
    before = linear
  }
  return { calls, copies, gather }
}

type OtherOp = Exclude<GpuOp, { kind: 'linear' }>

async function lowerOther(
  { buffers }: GpuProgram,
  op: OtherOp,
  uploader: Uploader,
  offers: Offers,
): Promise<KernelCall> {
  switch (op.kind) {
    case 'embedding':
      return embeddingCall(op, buffers[op.output], op.copy ?? null, offers, uploader)
    case 'layernorm':
      return layernormCall(op, buffers[op.output], op.copy ?? null, offers, uploader)
    case 'quantize':
      return quantizeCall(op.input, buffers[op.input], op.activationScale, offers, uploader)
    case 'attention':
      return attentionCall(op, buffers[op.output], offers, uploader)
    case 'first-token':
    case 'mean-pool':
      return poolCall(op, buffers[op.output], offers, uploader)
  }
}

/** @param before the call of the op before, where that is a linear layer */
function lowerLinear(
  program: GpuProgram,
  i: number,
  before: LinearCall | null,
  uploader: Uploader,
  packing: Packing,
): LinearCall {
  const op = program.ops[i] as LinearOp
  const spec = specOf(program, op)
  const { call, packed } = packLinear(spec, op.includes === 'quantize', uploader, packing)
  const int8Spec = spec as LinearSpec<Int8Weight>
  if (op.includes === 'layernorm') {
    // a layer that normalises for itself reads other rows than its other variants: they cannot be timed side by side
    const norm = program.ops[i - 1] as LayernormOp
    call.variants.unshift(...normBeforeVariants(norm, int8Spec, packed!, packing, uploader))
  } else {
    const outputs = spec.parts.map(({ output }) => output)
    call.tuning = { shape: shapeOf(spec, call, packing.precision), outputs }
  }
  if (op.normalizes) {
    const norm = program.ops[i + 1] as LayernormOp
    call.variants.unshift(...normAfterVariants(int8Spec, norm, norm.copy ?? null, packed!, packing, uploader))
    if (call.tuning) {
      call.tuning.normalized = norm.output
      call.tuning.shape += ' and LayerNorm'
    }
  }
  if (op.includes === 'factor') {
    const [first, last] = [before!.spec, spec] as LinearSpec<DenseWeight>[]
    const { weight } = first.parts[0]
    const size = factorsSize(weight, last.parts, bytesPerWeight(packing))
    call.variants.unshift(...fusedVariants(first, before!.call, last, call, size, packing, uploader))
    if (call.tuning) call.tuning.shape += ` of ${weight.N}x${weight.K}`
  }
  return { call, spec, packed }
}

function packLinear(
  spec: LinearSpec,
  mayQuantize: boolean,
  uploader: Uploader,
  packing: Packing,
): { call: KernelCall; packed: Int8Panels | null } {
  switch (spec.parts[0].weight.kind) {
    case 'f32': {
      const options = { precision: packing.precision, offers: packing }
      return { call: denseCall(spec as LinearSpec<DenseWeight>, options, uploader), packed: null }
    }
    case 'int8':
      return int8Call(spec as LinearSpec<Int8Weight>, { isQuantized: !mayQuantize, offers: packing }, uploader)
    case 'csr':
    case 'int8-1x4':
      return { call: rowsCall(spec as LinearSpec<CsrWeight | Int8BlockWeight>, packing, uploader), packed: null }
    case 'nm':
      return { call: nmCall(spec as LinearSpec<NmWeight>, packing, uploader), packed: null }
  }
}

function specOf({ buffers }: GpuProgram, op: LinearOp): LinearSpec {
  const layers = layersOf(op)
  const { input, activation, residual } = op
  return {
    label: `linear to ${layers.map(({ output }) => buffers[output].name).join(', ')}`,
    rows: buffers[op.output].rows,
    input,
    inputWidth: buffers[input].width,
    parts: layers.map(({ weight, bias, output, inputStart }) => ({ weight, bias, output, inputStart })),
    activation,
    residual,
  }
}

/** All that the speed of a linear layer's variants depends on but the rows and the device. */
function shapeOf(spec: LinearSpec, { variants }: KernelCall, precision: Precision): string {
  const { parts, activation, residual, rows } = spec
  const [{ weight }] = parts
  const group = weight.kind === 'nm' ? ` ${weight.n}:${weight.m}` : ''
  const isSparse = weight.kind === 'csr' || weight.kind === 'int8-1x4'
  const tiles = isSparse && isInTiles(spec as LinearSpec<CsrWeight | Int8BlockWeight>) ? ' in tiles' : ''
  const columns = parts.map(({ weight: { N } }) => N).join('+')
  const kind = weight.kind === 'f32' ? precision : weight.kind
  // whether the layer may quantize its own rows
  const own = variants.some(({ row }) => row.includesBefore) ? ' of f32' : ''
  return `${kind}${group}${tiles} ${columns}x${weight.K} ${activation}${residual === null ? '' : ' residual'} ${rows}${own}`
}

function gatherFrom({ word }: Extract<Op, { kind: 'embedding' }>): NonNullable<CompiledProgram['gather']> {
  const { width } = word
  return {
    width,
    rows: (ids) => {
      const rows = new Float32Array(ids.length * width)
      ids.forEach((id, i) => decodeRow(word, id, rows.subarray(i * width, (i + 1) * width)))
      return rows
    },
  }
}
