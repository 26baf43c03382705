// Sparse linear layers on the WebAssembly tape: assembly/sparse-matmul.ts, its input brought into token blocks before
// where it is not in them.

import type { CsrWeight, Int8BlockWeight, NmWeight } from '../program/weights.ts'
import {
  ACTIVATION_CODES,
  INT8_PATH_CODES,
  placeVector,
  type BufferView,
  type EncodeContext,
  type LinearOp,
  type LoadContext,
  type Lowered,
} from '../wasm/lowering.ts'
import { CSR_MATMUL, INT8_BLOCK_MATMUL, NM_MATMUL } from '../wasm/opcodes.ts'
import { quantized, quantizedForm, type QuantizedLayout } from '../wasm/quantized-rows.ts'
import { blocksForm, tokenBlocks } from '../wasm/token-blocks.ts'
import { blockRows, inputsKept, nmPanelElements, packNmPanels } from './pack.ts'

/** Sums of 64 outputs along 32 tokens, and eight of them turned. */
const SCRATCH_BYTES = (64 + 8) * 32 * 4

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

/** bias, activation, residual, y: the arguments with which every linear record ends. */
function epilogue(context: EncodeContext, op: LinearOp, bias: number): { words: number[]; reads: number[]; y: number } {
  const y = context.buffer(op.output).address
  const residual = op.residual === null ? 0 : context.buffer(op.residual).address
  return {
    words: [bias, ACTIVATION_CODES[op.activation], residual, y],
    reads: residual ? [residual] : [],
    y,
  }
}

/** Whether y is to be in token blocks. */
const blockedWord = (context: EncodeContext, op: LinearOp): number => (context.buffer(op.output).isBlocked ? 1 : 0)

/** csr takes a single row as it is. */
const isTurned = ({ rows, isBlocked }: Pick<BufferView, 'rows' | 'isBlocked'>): boolean => !isBlocked && rows !== 1

/** int8-1x4 takes a single row as it is quantized for dense int8. */
const layoutOf = (rows: number): QuantizedLayout => (rows === 1 ? 'rows' : 'columns')

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
    needs: (_shape, _threads, stands) => ({
      ...(isTurned(stands(op.input)) ? blocksForm(stands(op.input).rows, K) : {}),
      scratchBytes: SCRATCH_BYTES,
    }),
    encode(context) {
      const input = context.buffer(op.input)
      const M = input.rows
      const x = isTurned(input) ? tokenBlocks(context, op.input) : input.address
      const { words, reads, y } = epilogue(context, op, bias)
      const weights = [kBlocks, rowOffsets, columns, values]
      context.tape.record(CSR_MATMUL, [M, K, N, x, ...weights, ...words, blockedWord(context, op)], [x, ...reads], [y])
    },
  }
}

export function lowerInt8BlockMatmul(op: LinearOp, weight: Int8BlockWeight, name: string, load: LoadContext): Lowered {
  const { N, K, activationScale } = weight
  const path = load.int8
  const blocked = blockRows(weight.rowOffsets, weight.columns, K / 4, path === 'i16x8' ? 8 : 4)
  const { kBlocks } = blocked
  const rowOffsets = placeRowOffsets(load, `${name} row offsets`, blocked.rowOffsets)
  const columns = placeIndices(load, `${name} columns`, blocked.columns)
  const count = weight.values.length
  const values = load.allocateWeights(`${name} values`, path === 'i16x8' ? count * 2 : count)
  const placed = path === 'i16x8' ? load.memory.i16(values, count) : load.memory.s8(values, count)
  for (const [z, from] of blocked.order.entries())
    for (let i = 0; i < 4; i++) placed[z * 4 + i] = weight.values[from * 4 + i]
  const starts = placeVector(load, `${name} starting sums`, new Float32Array(N))
  if (path === 'u8') load.memory.i32(starts, N).set(zeroPointSums(weight))
  const scales = placeVector(load, `${name} scales`, weight.scales)
  const bias = placeVector(load, `${name} bias`, op.bias)
  return {
    needs: (_shape, _threads, stands) => {
      const { rows } = stands(op.input)
      return { ...quantizedForm(layoutOf(rows), path, rows, K), scratchBytes: SCRATCH_BYTES }
    },
    encode(context) {
      const M = context.buffer(op.input).rows
      const x = quantized(context, op.input, layoutOf(M), path, activationScale)
      const { words, reads, y } = epilogue(context, op, bias)
      context.tape.record(
        INT8_BLOCK_MATMUL,
        [M, K, N, x, kBlocks, rowOffsets, columns, values, starts, scales, ...words, INT8_PATH_CODES[path]],
        [x, ...reads],
        [y],
      )
    },
  }
}

/** -128 times the sum of each output's weights: activations of the u8 way stand 128 too high. */
function zeroPointSums({ N, rowOffsets, values }: Int8BlockWeight): Int32Array {
  const sums = new Int32Array(N)
  for (let n = 0; n < N; n++) for (let i = rowOffsets[n] * 4; i < rowOffsets[n + 1] * 4; i++) sums[n] -= 128 * values[i]
  return sums
}

export function lowerNmMatmul(op: LinearOp, weight: NmWeight, name: string, load: LoadContext): Lowered {
  const { N, K, group } = weight
  if (group % 8 !== 0) throw new Error(`${name}: groups of ${group} outputs; the wasm kernel takes multiples of 8`)
  const P = inputsKept(weight)
  const elements = nmPanelElements(weight)
  const values = load.allocateWeights(`${name} values`, elements * 4)
  packNmPanels(weight, load.memory.f32(values, elements))
  const indices = placeIndices(load, `${name} indices`, weight.indices)
  const bias = placeVector(load, `${name} bias`, op.bias)
  return {
    takesBlocks: true,
    needs: (_shape, _threads, stands) => ({
      ...(stands(op.input).isBlocked ? {} : blocksForm(stands(op.input).rows, K)),
      scratchBytes: SCRATCH_BYTES,
    }),
    encode(context) {
      const x = tokenBlocks(context, op.input)
      const { words, reads, y } = epilogue(context, op, bias)
      const M = context.buffer(op.input).rows
      context.tape.record(
        NM_MATMUL,
        [M, K, N, x, P, group / 8, indices, values, ...words, blockedWord(context, op)],
        [x, ...reads],
        [y],
      )
    },
  }
}
