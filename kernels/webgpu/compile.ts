// A program as GPU kernel calls: weights packed and uploaded, layers of one input merged into one dispatch, inputs of
// int8 layers quantized once, where possible by the kernel that makes them.

import { attentionCall } from '../attention/webgpu.ts'
import { denseCall } from '../dense-matmul/webgpu.ts'
import { decodeRow, embeddingCall, isHostTable } from '../embedding/webgpu.ts'
import { int8Call, quantizeCall, type Int8Options } from '../int8-matmul/webgpu.ts'
import { normFusedForm, wholeRowForms } from '../int8-matmul/webgpu-norm.ts'
import { layernormCall, poolCall } from '../row-ops/webgpu.ts'
import type { KernelCall } from './call.ts'
import type { LinearSpec, Twin } from './linear.ts'
import type { Precision } from './half.ts'
import type { CompiledProgram } from './session.ts'
import type { Uploader } from './upload.ts'
import type { BufferId, Op, Program } from '../program/program.ts'
import type { CsrWeight, DenseWeight, Int8BlockWeight, Int8Weight, NmWeight } from '../program/weights.ts'
import { nmCall, rowsCall } from '../sparse-matmul/webgpu.ts'
import { fusedForms } from '../low-rank-linear/webgpu.ts'
import { groupChains, isFactorOf } from './group-chains.ts'
import { foldNorms, mergeable, normAfter, readsBytes, type LayernormOp, type LinearOp } from './fold-norms.ts'

/** How weights are packed, as a context says. */
interface Packing {
  /** int8 layers for the matrix kernel as well */
  usesMatrices: boolean
  /** of dense f32 layers */
  precision: Precision
  /** they may have a form that multiplies in f16 */
  halfProducts: boolean
}

export async function compileProgram(source: Program, uploader: Uploader, packing: Packing): Promise<CompiledProgram> {
  const { program, folds } = foldNorms(groupChains(source))
  const { buffers, ops } = program
  const calls: KernelCall[] = []
  const twins = new Set<BufferId>()
  /** f32 buffers whose twin holds their present contents, and the scale it has */
  const fresh = new Map<BufferId, Twin>()
  /** the call that made the twin of a buffer, where it was one of its own */
  const quantizers = new Map<BufferId, KernelCall>()
  /** by LayerNorm, the call before it, where that has forms which normalise as well */
  const writers = new Map<Op, number>()
  /** the linear layer of the op before, where that is one alone */
  let before: { spec: LinearSpec; call: KernelCall } | null = null
  let gather: CompiledProgram['gather'] = null
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i]
    const twin = op.kind === 'embedding' || op.kind === 'layernorm' ? nextTwin(ops, i) : null
    switch (op.kind) {
      case 'embedding':
        calls.push(await embeddingCall(op, buffers[op.output], twin, uploader))
        if (isHostTable(op.word, uploader)) gather = gatherFrom(op)
        break
      case 'layernorm':
        calls.push({ ...layernormCall(op, buffers[op.output], twin, uploader), writer: writers.get(op) })
        break
      case 'attention':
        calls.push(attentionCall(op, buffers[op.output], uploader))
        break
      case 'first-token':
      case 'mean-pool':
        calls.push(poolCall(op, buffers[op.output], uploader))
        break
      case 'linear': {
        const merged = mergeable(program, i)
        const input = buffers[op.input]
        if (input.dtype === 's8' && !readsBytes(op.weight))
          throw new Error(`program: '${input.name}' is s8, only int8 layers read it; found a ${op.weight.kind} weight`)
        if (input.dtype === 'f32' && readsBytes(op.weight) && !isTwinFor(op.weight, fresh.get(op.input))) {
          const { activationScale } = op.weight
          const quantizer = { ...quantizeCall(op.input, input, activationScale, uploader), readers: [] as number[] }
          calls.push(quantizer)
          quantizers.set(op.input, quantizer)
          twins.add(op.input)
          fresh.set(op.input, { activationScale })
        }
        const ownQuantizer = readsBytes(op.weight) ? quantizers.get(op.input) : undefined
        const spec = specOf(program, merged)
        const call = linearCall(spec, { ...packing, isQuantized: ownQuantizer === undefined }, uploader)
        ownQuantizer?.readers?.push(calls.length)
        const norm = folds.has(i - 1) ? (ops[i - 1] as LayernormOp) : null
        if (norm) {
          calls[calls.length - 1].readers = [calls.length]
          call.forms.unshift(normFusedForm(norm, spec as LinearSpec<Int8Weight>, call, uploader))
        }
        // a layer that normalises for itself reads other rows than its other forms: they cannot be timed side by side
        else
          call.tuning = {
            shape: shapeOf(spec, call, packing.precision),
            outputs: merged.map(({ output }) => output),
          }
        const after = ownQuantizer ? normAfter(program, i) : null
        if (after) {
          const twin = nextTwin(ops, i + 1)
          call.forms.unshift(...wholeRowForms(spec as LinearSpec<Int8Weight>, after, twin, call, uploader))
          writers.set(after, calls.length)
          if (call.tuning) {
            call.tuning.normalized = after.output
            call.tuning.shape += ' and LayerNorm'
          }
        }
        if (before && isChain(program, i, merged.length)) {
          const bytes = packing.precision === 'f32' ? 4 : 2
          const [first, last] = [before.spec, spec] as LinearSpec<DenseWeight>[]
          call.forms.unshift(...fusedForms(first, before.call, last, call, bytes, uploader))
          if (call.tuning) call.tuning.shape += ` of ${first.parts[0].weight.N}x${first.parts[0].weight.K}`
          before.call.readers = [calls.length]
        }
        // of three factors the first two are one dispatch: what is left out must not stand for another
        before = merged.length === 1 && !call.forms.some((form) => form.includesBefore) ? { spec, call } : null
        calls.push(call)
        for (const { output } of merged) {
          fresh.delete(output)
          quantizers.delete(output)
        }
        i += merged.length - 1
        continue
      }
    }
    before = null
    fresh.delete(op.output)
    quantizers.delete(op.output)
    if (twin) {
      twins.add(op.output)
      fresh.set(op.output, twin)
    }
  }
  return { program, calls, twins, gather }
}

/** The twin that the first int8 layer wants which reads the output of op `i` before it is written again; null for none. */
function nextTwin(ops: Op[], i: number): Twin | null {
  const { output } = ops[i]
  for (const op of ops.slice(i + 1)) {
    if (op.kind === 'linear' && op.input === output && readsBytes(op.weight))
      return { activationScale: op.weight.activationScale }
    if (op.output === output) return null
  }
  return null
}

const isTwinFor = (weight: Int8Weight | Int8BlockWeight, twin: Twin | undefined): boolean =>
  twin !== undefined && twin.activationScale === weight.activationScale

/** True where op `i` and those merged with it are the last factors of dense f32 chains whose first ones are op i - 1. */
function isChain(program: Program, i: number, merged: number): boolean {
  const before = program.ops[i - 1] as LinearOp
  const ops = program.ops.slice(i, i + merged) as LinearOp[]
  if (
    before.weight.kind !== 'f32' ||
    ops[0].weight.kind !== 'f32' ||
    !isFactorOf(program, before, ops[0], i + merged - 1)
  )
    return false
  // outputs are written while other workgroups still read the chain's input
  return ops.every(({ output }) => output !== before.input)
}

function specOf({ buffers }: Program, ops: LinearOp[]): LinearSpec {
  const [{ input, activation, residual }] = ops
  return {
    label: `linear to ${ops.map(({ output }) => buffers[output].name).join(', ')}`,
    rows: buffers[ops[0].output].rows,
    input,
    inputWidth: buffers[input].width,
    parts: ops.map(({ weight, bias, output, inputStart }) => ({ weight, bias, output, inputStart })),
    activation,
    residual,
  }
}

/** All that the speed of a linear layer's forms depends on but the rows and the device. */
function shapeOf(
  { parts, activation, residual, rows }: LinearSpec,
  { forms }: KernelCall,
  precision: Precision,
): string {
  const [{ weight }] = parts
  const group = weight.kind === 'nm' ? ` ${weight.n}:${weight.m}` : ''
  const tiles = forms[0].shader.includes('.tile-') ? ' in tiles' : ''
  const columns = parts.map(({ weight: { N } }) => N).join('+')
  const kind = weight.kind === 'f32' ? precision : weight.kind
  // whether the layer may quantize its own rows
  const own = forms.some(({ includesBefore }) => includesBefore) ? ' of f32' : ''
  return `${kind}${group}${tiles} ${columns}x${weight.K} ${activation}${residual === null ? '' : ' residual'} ${rows}${own}`
}

function linearCall(spec: LinearSpec, options: Packing & Int8Options, uploader: Uploader): KernelCall {
  switch (spec.parts[0].weight.kind) {
    case 'f32':
      return denseCall(spec as LinearSpec<DenseWeight>, options, uploader)
    case 'int8':
      return int8Call(spec as LinearSpec<Int8Weight>, options, uploader)
    case 'csr':
    case 'int8-1x4':
      return rowsCall(spec as LinearSpec<CsrWeight | Int8BlockWeight>, uploader)
    case 'nm':
      return nmCall(spec as LinearSpec<NmWeight>, uploader)
  }
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
