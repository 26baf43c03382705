// Layouts of the sparse weights for assembly/sparse-matmul.ts.
//
//   csr         cut into blocks along K, so that the inputs one block touches stay in L1 (24 KiB for 32 tokens), or in L2
//               where rows are so sparse that sums would come and go for few entries; blocks follow one another:
//               rowOffsets u32 [K blocks][N + 1], columns u16 [Z] (of the whole row), values f32 [Z], ordered by (K block, row, column)
//   int8-1x4    the same in 1x4 blocks; values s8 [Zb][4] for relaxed dot, or widened to i16 [Zb][4] for i16x8,
//               which would else widen each block once per 32 tokens
//   nm          values in panels [ceil(N / 8)][P][8] like dense f32; indices u16 [lists][P] as they come

import { BLOCK_TOKENS, PANEL } from '../wasm/abi.ts'
import { packPanels, panelElements } from '../dense-matmul/pack.ts'
import type { NmWeight } from '../program/weights.ts'

/** Bytes of a token block's inputs that shall stay in L1. */
const L1_BYTES = 24576
/** Below, K blocks grow so that a row keeps as many entries in each, up to so many times (docs/perf-log.md). */
const L1_DENSITY = 0.2
const MOST_TIMES_L1 = 4

export interface BlockedRows {
  kBlocks: number
  /** [kBlocks][N + 1] */
  rowOffsets: Uint32Array
  /** [Z] */
  columns: Uint16Array
  /** [Z]: where each entry was before */
  order: Uint32Array
}

/**
 * Reorders sparse rows by K block.
 *
 * @param columnCount columns a row has, in the unit of `columns`
 * @param columnBytes bytes of one column's input per token
 */
export function blockRows(
  rowOffsets: Uint32Array,
  columns: Uint16Array,
  columnCount: number,
  columnBytes: number,
): BlockedRows {
  const N = rowOffsets.length - 1
  const density = columns.length / (N * columnCount)
  const bytes = L1_BYTES * Math.min(Math.max(L1_DENSITY / density, 1), MOST_TIMES_L1)
  const kBlocks = Math.ceil((columnCount * BLOCK_TOKENS * columnBytes) / bytes)
  const width = Math.ceil(columnCount / kBlocks)
  const blocked: BlockedRows = {
    kBlocks,
    rowOffsets: new Uint32Array(kBlocks * (N + 1)),
    columns: new Uint16Array(columns.length),
    order: new Uint32Array(columns.length),
  }
  const next = rowOffsets.slice(0, N)
  let z = 0
  for (let block = 0; block < kBlocks; block++) {
    for (let n = 0; n < N; n++) {
      blocked.rowOffsets[block * (N + 1) + n] = z
      for (; next[n] < rowOffsets[n + 1] && columns[next[n]] < (block + 1) * width; next[n]++, z++) {
        blocked.columns[z] = columns[next[n]]
        blocked.order[z] = next[n]
      }
    }
    blocked.rowOffsets[block * (N + 1) + N] = z
  }
  return blocked
}

export function nmPanelElements(weight: NmWeight): number {
  return panelElements(weight.N, inputsKept(weight), PANEL)
}

/** P: inputs kept per output. */
export function inputsKept({ K, n, m }: NmWeight): number {
  return (K / m) * n
}

/** Packs values f32 [N, P] into `packed` [ceil(N / 8)][P][8]: dense panels over the kept inputs. */
export function packNmPanels(weight: NmWeight, packed: Float32Array): void {
  packPanels(weight.values, weight.N, inputsKept(weight), PANEL, packed)
}
