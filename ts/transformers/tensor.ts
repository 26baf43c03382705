// Tensors as small as answers need: numbers, their dimensions, and views of rows.

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
} as const

export type TensorType = keyof typeof ARRAYS
export type TensorData = Float32Array | Float64Array | Int8Array | Uint8Array | Int32Array | BigInt64Array
/** Numbers, or bigint for int64, in lists as deep as there are dimensions. */
export type Nested<T = number | bigint> = T | Nested<T>[]
/** Of one dimension: null for all, a place, or [start, end) with null for an end that is not cut; negative from behind. */
export type Slice = null | undefined | number | readonly [number | null, number | null]

export class Tensor {
  readonly type: TensorType
  /** row-major */
  readonly data: TensorData
  readonly dims: readonly number[]

  /** @throws where the data is of another type, or of another length than the dimensions say */
  constructor(type: TensorType, data: TensorData | readonly (number | bigint)[], dims: readonly number[]) {
    if (!Object.hasOwn(ARRAYS, type))
      throw new TypeError(`Tensor: the type is '${String(type)}', expected ${Object.keys(ARRAYS).join(', ')}`)
    const Kind = ARRAYS[type]
    const isList = Array.isArray(data)
    if (!isList && !(data instanceof Kind))
      throw new TypeError(
        `Tensor: the data of '${type}' is ${data?.constructor?.name}, expected ${Kind.name} or a list`,
      )
    this.type = type
    this.data = isList ? (Kind.from as (list: readonly unknown[]) => TensorData)(data) : (data as TensorData)
    this.dims = [...dims]
    if (this.data.length !== this.size)
      throw new RangeError(`Tensor: ${this.data.length} elements, expected ${this.size} of dims [${dims.join(', ')}]`)
  }

  /** How many elements there are. */
  get size(): number {
    return this.dims.reduce((product, dim) => product * dim, 1)
  }

  /** The numbers in nested lists. */
  tolist(): Nested[] {
    const list = (from: number, dim: number): Nested => {
      if (dim === this.dims.length) return this.data[from]
      const stride = this.dims.slice(dim + 1).reduce((product, size) => product * size, 1)
      return Array.from({ length: this.dims[dim] }, (_, i) => list(from + i * stride, dim + 1))
    }
    return list(0, 0) as Nested[]
  }

  /**
   * A copy of a part; dimensions at one place fall away.
   * @throws RangeError where a place is outside
   */
  slice(...slices: Slice[]): Tensor {
    if (slices.length > this.dims.length)
      throw new RangeError(`Tensor: ${slices.length} slices of ${this.dims.length} dimensions`)
    const dims: number[] = []
    const ranges = this.dims.map((size, dim): [number, number] => {
      const given = slices[dim]
      if (typeof given === 'number') {
        const at = given < 0 ? given + size : given
        if (!(Number.isInteger(at) && at >= 0 && at < size))
          throw new RangeError(`Tensor: place ${given} of dimension ${dim}, which has ${size}`)
        return [at, at + 1]
      }
      const [start, end] = given ?? [null, null]
      const from = clamp(start ?? 0, size)
      const range: [number, number] = [from, Math.max(from, clamp(end ?? size, size))]
      dims.push(range[1] - range[0])
      return range
    })
    const indices: number[] = []
    const walk = (from: number, dim: number): void => {
      if (dim === ranges.length) return void indices.push(from)
      const stride = this.dims.slice(dim + 1).reduce((product, size) => product * size, 1)
      for (let i = ranges[dim][0]; i < ranges[dim][1]; i++) walk(from + i * stride, dim + 1)
    }
    walk(0, 0)
    return new Tensor(
      this.type,
      indices.map((i) => this.data[i]),
      dims,
    )
  }

  /** Rows divided by their L2 norm; rows of zeros stay. Of other dimensions than the last there is none. */
  normalize(p = 2, dim = -1): Tensor {
    if (p !== 2 || (dim !== -1 && dim !== this.dims.length - 1))
      throw new RangeError(`Tensor: normalize(${p}, ${dim}), expected the norm 2 of the last dimension, -1`)
    const width = this.dims.at(-1) ?? 1
    const data = Float32Array.from(this.data as ArrayLike<number>)
    for (let from = 0; from < data.length; from += width) {
      const row = data.subarray(from, from + width)
      const norm = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0))
      if (norm > 0) row.forEach((x, i) => (row[i] = x / norm))
    }
    return new Tensor('float32', data, this.dims)
  }

  /** The parts along the first dimension. */
  *[Symbol.iterator](): Generator<Tensor> {
    for (let i = 0; i < (this.dims[0] ?? 0); i++) yield this.slice(i)
  }
}

/** A place counted from behind where it is negative, inside [0, size]. */
const clamp = (at: number, size: number): number => Math.min(size, Math.max(0, at < 0 ? at + size : at))
