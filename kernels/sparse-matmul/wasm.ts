// Sparse linear layers on the WebAssembly tape: assembly/sparse-matmul.ts, its input brought into token blocks before
// where it is not in them.

import type { CsrWeight, Int8BlockWeight, NmWeight } from '../program/weights.ts'
import {
  ACTIVATION,
  BLOCK_TOKENS,
  CSR_MATMUL,
  DOT_STRATEGY,
  INT8_BLOCK_MATMUL,
  NM_MATMUL,
  PANEL,
  SPARSE_GROUP,
} from '../wasm/abi.ts'
import {
  placeVector,
  type BufferView,
  type EncodeContext,
  type LinearOp,
  type LoadContext,
  type Lowered,
} from '../wasm/lowered.ts'
import { quantized, quantizedCopy, type QuantizedLayout } from '../wasm/quantized-rows.ts'
import { blocksCopy, tokenBlocks } from '../wasm/token-blocks.ts'
import { blockRows, inputsKept, nmPanelElements, packNmPanels } from './pack.ts'

/** Sums of a group of outputs along the widest token block, and those of one panel turned. */
const SCRATCH_BYTES = (SPARSE_GROUP + PANEL) * BLOCK_TOKENS * 4

function placeIndices(load: LoadContext, name: string, indices: Uint16Array): number {
  const address = load.allocateWeights(name, indices.byteLength)
  load.memory.u16(address, indices.length).set(indices)
  return address
}

function placeRowOffsets(load: LoadContext, name: string, offsets: Uint32Array): number {
  const address = load.allocateWeights(name, offsets.byteLength)
  load.memory.i32(address, offsets.length).set(offsets)
  return address
}

/** The fields of every linear record for what comes after the sums, and what it reads for that. */
function epilogue(context: EncodeContext, op: LinearOp, bias: number) {
  const y = context.buffer(op.output).address
  const residual = op.residual === null ? 0 : context.buffer(op.residual).address
  return { fields: { bias, activation: ACTIVATION[op.activation], residual, y }, reads: residual ? [residual] : [], y }
}

/** 1 where y is to be in token blocks. */
const isBlockedOutput = (context: EncodeContext, op: LinearOp): number => (context.buffer(op.output).isBlocked ? 1 : 0)

/** csr takes a single row as it is. */
const isTurned = ({ rows, isBlocked }: Pick<BufferView, 'rows' | 'isBlocked'>): boolean => !isBlocked && rows !== 1

/** int8-1x4 takes a single row as it is quantized for dense int8. */
const quantizedLayout = (rows: number): QuantizedLayout => (rows === 1 ? 'rows' : 'columns')

export function lowerCsrMatmul(op: LinearOp, weight: CsrWeight, name: string, load: LoadContext): Lowered {
  const { N, K } = weight
  const blocked = blockRows(weight.rowOffsets, weight.columns, K, 4)
  const { kBlocks } = blocked
  const rowOffsets = placeRowOffsets(load, `${name} row offsets`, blocked.rowOffsets)
  const columns = placeIndices(load, `${name} columns`, blocked.columns)
  const values = load.allocateWeights(`${name} values`, weight.values.byteLength)
  const placed = load.memory.f32(values, weight.values.length)
  for (const [z, from] of blocked.order.entries()) placed[z] = weight.values[from]
  const bias = placeVector(load, `${name} bias`, op.bias)
  return {
    takesBlocks: true,
    needs: (_shape, _threads, layoutOf) => ({
      ...(isTurned(layoutOf(op.input)) ? blocksCopy(layoutOf(op.input).rows, K) : {}),
      scratchBytes: SCRATCH_BYTES,
    }),
    encode(context) {
      const input = context.buffer(op.input)
      const M = input.rows
      const x = isTurned(input) ? tokenBlocks(context, op.input) : input.address
      const { fields, reads, y } = epilogue(context, op, bias)
      context.tape.record(
        CSR_MATMUL,
        { M, K, N, kBlocks, isBlocked: isBlockedOutput(context, op), x, rowOffsets, columns, values, ...fields },
        [x, ...reads],
        [y],
      )
    },
  }
}

export function lowerInt8BlockMatmul(op: LinearOp, weight: Int8BlockWeight, name: string, load: LoadContext): Lowered {
  const { N, K, activationScale } = weight
  const strategy = load.variants.int8.dotStrategy
  const blocked = blockRows(weight.rowOffsets, weight.columns, K / 4, strategy === 'i16x8' ? 8 : 4)
  const { kBlocks } = blocked
  const rowOffsets = placeRowOffsets(load, `${name} row offsets`, blocked.rowOffsets)
  const columns = placeIndices(load, `${name} columns`, blocked.columns)
  const count = weight.values.length
  const values = load.allocateWeights(`${name} values`, strategy === 'i16x8' ? count * 2 : count)
  const placed = strategy === 'i16x8' ? load.memory.i16(values, count) : load.memory.s8(values, count)
  for (const [z, from] of blocked.order.entries())
    for (let i = 0; i < 4; i++) placed[z * 4 + i] = weight.values[from * 4 + i]
  const starts = placeVector(load, `${name} starting sums`, new Float32Array(N))
  if (strategy === 'u8') load.memory.i32(starts, N).set(zeroPointSums(weight))
  const scales = placeVector(load, `${name} scales`, weight.scales)
  const bias = placeVector(load, `${name} bias`, op.bias)
  return {
    needs: (_shape, _threads, layoutOf) => {
      const { rows } = layoutOf(op.input)
      return { ...quantizedCopy(quantizedLayout(rows), strategy, rows, K), scratchBytes: SCRATCH_BYTES }
    },
    encode(context) {
      const M = context.buffer(op.input).rows
      const a = quantized(context, op.input, quantizedLayout(M), strategy, activationScale)
      const { fields, reads, y } = epilogue(context, op, bias)
      context.tape.record(
        INT8_BLOCK_MATMUL,
        {
          ...{ M, K, N, kBlocks, strategy: DOT_STRATEGY[strategy], a, rowOffsets, columns, values },
          ...{ start: starts, wScale: scales, ...fields },
        },
        [a, ...reads],
        [y],
      )
    },
  }
}

/** -128 times the sum of each output's weights: u8 activations are 128 too high. */
function zeroPointSums({ N, rowOffsets, values }: Int8BlockWeight): Int32Array {
  const sums = new Int32Array(N)
  for (let n = 0; n < N; n++) for (let i = rowOffsets[n] * 4; i < rowOffsets[n + 1] * 4; i++) sums[n] -= 128 * values[i]
  return sums
}

export function lowerNmMatmul(op: LinearOp, weight: NmWeight, name: string, load: LoadContext): Lowered {
  const { N, K, group } = weight
  if (group % PANEL !== 0)
    throw new Error(`${name}: groups of ${group} outputs; the wasm kernel takes multiples of ${PANEL}`)
  const P = inputsKept(weight)
  const elements = nmPanelElements(weight)
  const values = load.allocateWeights(`${name} values`, elements * 4)
  packNmPanels(weight, load.memory.f32(values, elements))
  const indices = placeIndices(load, `${name} indices`, weight.indices)
  const bias = placeVector(load, `${name} bias`, op.bias)
  return {
    takesBlocks: true,
    needs: (_shape, _threads, layoutOf) => ({
      ...(layoutOf(op.input).isBlocked ? {} : blocksCopy(layoutOf(op.input).rows, K)),
      scratchBytes: SCRATCH_BYTES,
    }),
    encode(context) {
      const x = tokenBlocks(context, op.input)
      const { fields, reads, y } = epilogue(context, op, bias)
      const M = context.buffer(op.input).rows
      context.tape.record(
        NM_MATMUL,
        {
          ...{ M, K, N, P, panelsPerList: group / PANEL, isBlocked: isBlockedOutput(context, op) },
          ...{ x, indices, values, ...fields },
        },
        [x, ...reads],
        [y],
      )
    },
  }
}
