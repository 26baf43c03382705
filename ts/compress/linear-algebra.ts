// Products and subspaces for the low-rank steps. Sums run in f64: Gram matrices square the condition of f32 weights.
// Bases are stored one vector per row ([R, n]), so that dot products walk memory in order.

import { EigenvalueDecomposition, Matrix } from 'ml-matrix'

/** A view of numbers as [rows, columns]: element (i, j) is data[i * rowStride + j * columnStride]. */
export interface View {
  data: Float32Array | Float64Array
  rows: number
  columns: number
  rowStride: number
  columnStride: number
}

/** Row-major `data` as [rows, columns]. */
export function view(data: Float32Array | Float64Array, rows: number, columns: number): View {
  if (data.length !== rows * columns)
    throw new Error(`view: ${data.length} elements, expected ${rows} x ${columns} = ${rows * columns}`)
  return { data, rows, columns, rowStride: columns, columnStride: 1 }
}

export function transpose(a: View): View {
  return { data: a.data, rows: a.columns, columns: a.rows, rowStride: a.columnStride, columnStride: a.rowStride }
}

// Tile of the inner loop: 3x4 sums and 7 operands. Depth block: 256 x (3 + 4) doubles stay in the first-level cache.
const TILE_ROWS = 3
const TILE_COLUMNS = 4
const DEPTH = 256

/**
 * out += a b, with a [m, k], b [k, n] and out [m, n] row-major; returns out (zeros where none is given).
 * `upperOnly` skips tiles wholly below the diagonal, for products that are symmetric; `gram` mirrors them.
 */
export function multiply(
  a: View,
  b: View,
  out = new Float64Array(a.rows * b.columns),
  upperOnly = false,
): Float64Array {
  const [m, n, k] = [a.rows, b.columns, a.columns]
  if (b.rows !== k) throw new Error(`multiply: [${m}, ${k}] times [${b.rows}, ${n}]`)
  if (out.length !== m * n) throw new Error(`multiply: out has ${out.length} elements, expected ${m * n}`)
  const aPanels = Math.ceil(m / TILE_ROWS)
  const bPanels = Math.ceil(n / TILE_COLUMNS)
  const aPacked = new Float64Array(aPanels * TILE_ROWS * Math.min(k, DEPTH))
  const bPacked = new Float64Array(bPanels * TILE_COLUMNS * Math.min(k, DEPTH))
  const tile = new Float64Array(TILE_ROWS * TILE_COLUMNS)
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = Math.min(DEPTH, k - k0)
    packPanels(a.data, k0 * a.columnStride, m, depth, a.rowStride, a.columnStride, TILE_ROWS, aPacked)
    packPanels(b.data, k0 * b.rowStride, n, depth, b.columnStride, b.rowStride, TILE_COLUMNS, bPacked)
    for (let i = 0; i < aPanels; i++) {
      const firstPanel = upperOnly ? Math.floor((i * TILE_ROWS) / TILE_COLUMNS) : 0
      for (let j = firstPanel; j < bPanels; j++) {
        multiplyTile(aPacked, i * TILE_ROWS * depth, bPacked, j * TILE_COLUMNS * depth, depth, tile)
        const rows = Math.min(TILE_ROWS, m - i * TILE_ROWS)
        const columns = Math.min(TILE_COLUMNS, n - j * TILE_COLUMNS)
        for (let r = 0; r < rows; r++) {
          const start = (i * TILE_ROWS + r) * n + j * TILE_COLUMNS
          for (let c = 0; c < columns; c++) out[start + c] += tile[r * TILE_COLUMNS + c]
        }
      }
    }
  }
  return out
}

/** Panels of `width` lines, depth-major: packed[panel][depth][width]; lines past the end are 0. */
function packPanels(
  data: Float32Array | Float64Array,
  start: number,
  lines: number,
  depth: number,
  lineStride: number,
  depthStride: number,
  width: number,
  packed: Float64Array,
): void {
  const panels = Math.ceil(lines / width)
  for (let panel = 0; panel < panels; panel++)
    for (let w = 0; w < width; w++) {
      const line = panel * width + w
      let target = panel * width * depth + w
      let source = start + line * lineStride
      for (let d = 0; d < depth; d++) {
        packed[target] = line < lines ? data[source] : 0
        target += width
        source += depthStride
      }
    }
}

function multiplyTile(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  depth: number,
  tile: Float64Array,
): void {
  let s00 = 0
  let s01 = 0
  let s02 = 0
  let s03 = 0
  let s10 = 0
  let s11 = 0
  let s12 = 0
  let s13 = 0
  let s20 = 0
  let s21 = 0
  let s22 = 0
  let s23 = 0
  let p = aStart
  let q = bStart
  for (let d = 0; d < depth; d++) {
    const b0 = b[q]
    const b1 = b[q + 1]
    const b2 = b[q + 2]
    const b3 = b[q + 3]
    let x = a[p]
    s00 += x * b0
    s01 += x * b1
    s02 += x * b2
    s03 += x * b3
    x = a[p + 1]
    s10 += x * b0
    s11 += x * b1
    s12 += x * b2
    s13 += x * b3
    x = a[p + 2]
    s20 += x * b0
    s21 += x * b1
    s22 += x * b2
    s23 += x * b3
    p += TILE_ROWS
    q += TILE_COLUMNS
  }
  tile[0] = s00
  tile[1] = s01
  tile[2] = s02
  tile[3] = s03
  tile[4] = s10
  tile[5] = s11
  tile[6] = s12
  tile[7] = s13
  tile[8] = s20
  tile[9] = s21
  tile[10] = s22
  tile[11] = s23
}

/** out += a a^T for a [m, k]; out [m, m] holds the whole symmetric matrix. */
export function gram(a: View, out = new Float64Array(a.rows * a.rows)): Float64Array {
  const n = a.rows
  multiply(a, transpose(a), out, true)
  for (let i = 1; i < n; i++) for (let j = 0; j < i; j++) out[i * n + j] = out[j * n + i]
  return out
}

export function sumOfSquares(data: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += data[i] * data[i]
  return sum
}

/**
 * Makes the rows of `basis` [R, n] orthonormal in place (Gram-Schmidt, twice over, R <= n). A row that depends on the
 * rows before it is replaced by a random direction, so that the result always has full rank.
 */
export function orthonormalize(basis: Float64Array, R: number, n: number, normal: () => number): void {
  if (R > n) throw new Error(`orthonormalize: ${R} vectors of ${n} elements cannot be independent`)
  for (let i = 0; i < R; i++) {
    const start = i * n
    for (let attempt = 0; ; attempt++) {
      const before = Math.sqrt(sumOfSquares(basis.subarray(start, start + n)))
      // One pass loses digits where the row is nearly dependent; the second brings them back.
      for (let pass = 0; pass < 2; pass++) subtractProjections(basis, i, n)
      const after = Math.sqrt(sumOfSquares(basis.subarray(start, start + n)))
      if (after > 1e-10 * before && after > 0) {
        for (let c = start; c < start + n; c++) basis[c] /= after
        break
      }
      if (attempt === 8)
        throw new Error('orthonormalize: no independent direction found; the matrix holds NaN or infinity')
      for (let c = start; c < start + n; c++) basis[c] = normal()
    }
  }
}

/** Row -= its projections on all rows before it; four at a time, for independent sums. */
function subtractProjections(basis: Float64Array, row: number, n: number): void {
  const start = row * n
  let j = 0
  for (; j + 4 <= row; j += 4) {
    const [o0, o1, o2, o3] = [j * n, (j + 1) * n, (j + 2) * n, (j + 3) * n]
    let d0 = 0
    let d1 = 0
    let d2 = 0
    let d3 = 0
    for (let c = 0; c < n; c++) {
      const x = basis[start + c]
      d0 += x * basis[o0 + c]
      d1 += x * basis[o1 + c]
      d2 += x * basis[o2 + c]
      d3 += x * basis[o3 + c]
    }
    for (let c = 0; c < n; c++)
      basis[start + c] -= d0 * basis[o0 + c] + d1 * basis[o1 + c] + d2 * basis[o2 + c] + d3 * basis[o3 + c]
  }
  for (; j < row; j++) {
    const other = j * n
    let dot = 0
    for (let c = 0; c < n; c++) dot += basis[start + c] * basis[other + c]
    for (let c = 0; c < n; c++) basis[start + c] -= dot * basis[other + c]
  }
}

/** Eigenvalues (falling) and eigenvectors (one per row) of a symmetric matrix [n, n], by ml-matrix. */
export function symmetricEigen(matrix: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const decomposition = new EigenvalueDecomposition(Matrix.from1DArray(n, n, matrix), { assumeSymmetric: true })
  const order = Array.from(decomposition.realEigenvalues, (_, i) => i)
  order.sort((i, j) => decomposition.realEigenvalues[j] - decomposition.realEigenvalues[i])
  const columns = decomposition.eigenvectorMatrix
  const values = new Float64Array(n)
  const vectors = new Float64Array(n * n)
  order.forEach((column, row) => {
    values[row] = decomposition.realEigenvalues[column]
    for (let c = 0; c < n; c++) vectors[row * n + c] = columns.get(c, column)
  })
  return { values, vectors }
}

/**
 * The lower triangle S [n, n] (zeros above) with S S^T = matrix, of which the lower half is read; null where the matrix
 * is not positive definite.
 */
export function cholesky(matrix: Float64Array, n: number): Float64Array | null {
  const lower = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]
      for (let c = 0; c < j; c++) sum -= lower[i * n + c] * lower[j * n + c]
      if (i > j) lower[i * n + j] = sum / lower[j * n + j]
      else if (sum > 0) lower[i * n + i] = Math.sqrt(sum)
      else return null
    }
  return lower
}

/** Rows x [R, n] become x S^-1 in place, for a lower triangle S [n, n]. */
export function solveLower(x: Float64Array, R: number, lower: Float64Array, n: number): void {
  for (let r = 0; r < R; r++)
    for (let j = n - 1; j >= 0; j--) {
      const solved = (x[r * n + j] /= lower[j * n + j])
      for (let c = 0; c < j; c++) x[r * n + c] -= solved * lower[j * n + c]
    }
}

/** G x for a symmetric positive semi-definite G [n, n] and vectors in the rows of x [R, n]; result [R, n]. */
export type ApplyGram = (x: Float64Array, R: number) => Float64Array

/**
 * Rows spanning (close to) the leading R-dimensional eigenspace of G, by subspace iteration: `steps` times x = G x with
 * orthonormal rows in between, then Rayleigh-Ritz and a cut from the start's `width` rows to R. With width = R, one
 * step from a basis never lowers the trace of G within it (it ascends a convex function), which HOOI relies on.
 *
 * @param start [width, n], changed in place
 * @returns rows orthonormal, [R, n]
 */
export function iterateSubspace(
  apply: ApplyGram,
  n: number,
  R: number,
  start: Float64Array,
  steps: number,
  normal: () => number,
): Float64Array {
  const width = start.length / n
  let x = start
  for (let step = 0; step < steps; step++) {
    x = apply(x, width)
    orthonormalize(x, width, n, normal)
  }
  if (width === R) return x
  const image = apply(x, width)
  const inner = multiply(view(x, width, n), transpose(view(image, width, n)))
  const { vectors } = symmetricEigen(inner, width)
  return multiply(view(vectors.subarray(0, R * width), R, width), view(x, width, n))
}

/** Extra directions that a random start carries beside the wanted ones, and its steps: each is a power of G = A A^T. */
export const OVERSAMPLING = 16
export const POWER_STEPS = 3

/** A random orthonormal start of R + OVERSAMPLING rows (at most n). */
export function randomStart(n: number, R: number, normal: () => number): Float64Array {
  const width = Math.min(n, R + OVERSAMPLING)
  const start = Float64Array.from({ length: width * n }, normal)
  orthonormalize(start, width, n, normal)
  return start
}

/** Below this size, or where more than 4/5 of the directions are wanted, a full decomposition is as quick. */
const FULL_EIGEN_SIZE = 128

/** Leading R eigenvectors of a symmetric positive semi-definite matrix [n, n], one per row. */
export function leadingEigenvectors(matrix: Float64Array, n: number, R: number, normal: () => number): Float64Array {
  if (n <= FULL_EIGEN_SIZE || 5 * (R + OVERSAMPLING) > 4 * n) return symmetricEigen(matrix, n).vectors.slice(0, R * n)
  const apply: ApplyGram = (x, rows) => multiply(view(x, rows, n), view(matrix, n, n))
  return iterateSubspace(apply, n, R, randomStart(n, R, normal), POWER_STEPS, normal)
}
