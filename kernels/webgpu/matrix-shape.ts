// The shapes in which adapters multiply int8 matrices, and the matrix kernel in the words of one of them.

/** ROWS x INPUTS by INPUTS x COLUMNS of i8 into i32, by a subgroup of so many threads. */
export interface MatrixShape {
  rows: number
  columns: number
  inputs: number
  lanes: number
}

/**
 * What the shaders say as they stand: NVIDIA. The others by what Mesa's drivers report, with the subgroups whose registers they
 * are: RDNA3, Xe2 (Lunar Lake), Xe-HPG (Arc). A subgroup owns as many rows as it has threads, so that 64 sums fall to each.
 */
export const MATRIX_SHAPES: readonly MatrixShape[] = [
  { rows: 16, columns: 16, inputs: 32, lanes: 32 },
  { rows: 16, columns: 16, inputs: 16, lanes: 32 },
  { rows: 8, columns: 16, inputs: 32, lanes: 16 },
  { rows: 8, columns: 8, inputs: 32, lanes: 8 },
]

/** The matrix kernel for such a shape, its subgroups of exactly that size. */
export function withMatrixShape(code: string, { rows, columns, inputs, lanes }: MatrixShape): string {
  const constants = { ROWS: rows, COLUMNS: columns, INPUTS: inputs, STACK: lanes, LANES: lanes }
  for (const [name, value] of Object.entries(constants))
    code = code.replace(new RegExp(`const ${name} = \\d+u;`), `const ${name} = ${value}u;`)
  return code
    .replace('enable subgroups;', 'enable subgroups;\nenable subgroup_size_control;')
    .replace('@compute ', `@compute @subgroup_size(${lanes}) `)
}
