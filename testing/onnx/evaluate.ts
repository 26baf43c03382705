// The operators that export.ts uses, in f64, by the words of the ONNX specification. Imported by tests only.

import { product, type Graph, type Value } from './decode.ts'

export type { Value } from './decode.ts'

type Attributes = Map<string, number | number[]>

const erf = (z: number): number => {
  // Taylor series near 0; beyond 5 erf is 1 to f64
  if (Math.abs(z) > 5) return Math.sign(z)
  let [term, sum] = [z, z]
  for (let n = 1; n < 200; n++) {
    term *= (-z * z) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

const roundToEven = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x))

/** Index of the element of `dims` that meets index `flat` of `target` under broadcasting. */
function broadcastIndex(flat: number, target: number[], dims: number[]): number {
  let [rest, index, stride] = [flat, 0, 1]
  for (let i = 1; i <= target.length; i++) {
    const size = target[target.length - i]
    const own = dims[dims.length - i] ?? 1
    if (own !== 1) index += (rest % size) * stride
    stride *= own
    rest = Math.floor(rest / size)
  }
  return index
}

function binary(a: Value, b: Value, f: (x: number, y: number) => number): Value {
  const rank = Math.max(a.dims.length, b.dims.length)
  const dims = Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a, b].map((v) => v.dims[v.dims.length - rank + i] ?? 1)
    if (x !== y && x !== 1 && y !== 1)
      throw new Error(`shapes [${a.dims.join()}] and [${b.dims.join()}] do not broadcast`)
    return Math.max(x, y)
  })
  const data = Float64Array.from({ length: product(dims) }, (_, i) =>
    f(a.data[broadcastIndex(i, dims, a.dims)], b.data[broadcastIndex(i, dims, b.dims)]),
  )
  return { dims, data }
}

const unary = (a: Value, f: (x: number) => number): Value => ({ dims: a.dims, data: a.data.map(f) })

/** `f` over each row of the last axis. */
function rows(a: Value, f: (row: Float64Array) => ArrayLike<number>, width = a.dims.at(-1)!): Value {
  const K = a.dims.at(-1)!
  const count = a.data.length / K
  const data = new Float64Array(count * width)
  for (let r = 0; r < count; r++) data.set(f(a.data.subarray(r * K, (r + 1) * K)), r * width)
  return { dims: [...a.dims.slice(0, -1), width], data }
}

function matmul(a: Value, b: Value): Value {
  const [M, K] = a.dims.length === 1 ? [1, a.dims[0]] : a.dims.slice(-2)
  const [K2, N] = b.dims.slice(-2)
  if (K !== K2) throw new Error(`MatMul of [${a.dims.join()}] and [${b.dims.join()}]`)
  const outer = a.dims.slice(0, -2)
  const shared = b.dims.length === 2
  const data = new Float64Array(product(outer) * M * N)
  for (let o = 0; o < product(outer); o++)
    for (let m = 0; m < M; m++)
      for (let n = 0; n < N; n++) {
        let sum = 0
        for (let k = 0; k < K; k++) sum += a.data[(o * M + m) * K + k] * b.data[(shared ? 0 : o * K * N) + k * N + n]
        data[(o * M + m) * N + n] = sum
      }
  return { dims: [...outer, M, N], data }
}

function transpose(a: Value, perm: number[]): Value {
  const dims = perm.map((p) => a.dims[p])
  const strides = a.dims.map((_, i) => product(a.dims.slice(i + 1)))
  const data = Float64Array.from({ length: a.data.length }, (_, flat) => {
    let [rest, index] = [flat, 0]
    for (let i = dims.length - 1; i >= 0; i--) {
      index += (rest % dims[i]) * strides[perm[i]]
      rest = Math.floor(rest / dims[i])
    }
    return a.data[index]
  })
  return { dims, data }
}

function gather(a: Value, by: Value, axis: number): Value {
  const outer = product(a.dims.slice(0, axis))
  const inner = product(a.dims.slice(axis + 1))
  const data = new Float64Array(outer * by.data.length * inner)
  for (let o = 0; o < outer; o++)
    for (const [i, index] of by.data.entries()) {
      const from = (o * a.dims[axis] + index) * inner
      data.set(a.data.subarray(from, from + inner), (o * by.data.length + i) * inner)
    }
  return { dims: [...a.dims.slice(0, axis), ...by.dims, ...a.dims.slice(axis + 1)], data }
}

const OPERATORS: Record<string, (inputs: Value[], attributes: Attributes) => Value[]> = {
  Add: ([a, b]) => [binary(a, b, (x, y) => x + y)],
  Sub: ([a, b]) => [binary(a, b, (x, y) => x - y)],
  Mul: ([a, b]) => [binary(a, b, (x, y) => x * y)],
  Div: ([a, b]) => [binary(a, b, (x, y) => x / y)],
  Max: ([a, b]) => [binary(a, b, Math.max)],
  Min: ([a, b]) => [binary(a, b, Math.min)],
  Abs: ([a]) => [unary(a, Math.abs)],
  Erf: ([a]) => [unary(a, erf)],
  Tanh: ([a]) => [unary(a, Math.tanh)],
  Relu: ([a]) => [unary(a, (x) => Math.max(x, 0))],
  Sigmoid: ([a]) => [unary(a, (x) => 1 / (1 + Math.exp(-x)))],
  Equal: ([a, b]) => [binary(a, b, (x, y) => Number(x === y))],
  Not: ([a]) => [unary(a, (x) => 1 - x)],
  // along the last axis, as the export uses it
  CumSum: ([a]) => [
    rows(a, (row) => {
      let sum = 0
      return row.map((x) => (sum += x))
    }),
  ],
  Round: ([a]) => [unary(a, roundToEven)],
  Cast: ([a], attributes) => [attributes.get('to') === 3 ? unary(a, (x) => (Math.trunc(x) << 24) >> 24) : a],
  Identity: ([a]) => [a],
  MatMul: ([a, b]) => [matmul(a, b)],
  MatMulInteger: ([a, b, zero]) => [matmul(zero ? unary(a, (x) => x - zero.data[0]) : a, b)],
  Softmax: ([a]) => [
    rows(a, (row) => {
      const most = Math.max(...row)
      const weights = row.map((x) => Math.exp(x - most))
      const sum = weights.reduce((x, y) => x + y)
      return weights.map((w) => w / sum)
    }),
  ],
  ReduceMax: ([a]) => [rows(a, (row) => [Math.max(...row)], 1)],
  LayerNormalization: ([a, gamma, beta], attributes) => [
    rows(a, (row) => {
      const mean = row.reduce((x, y) => x + y) / row.length
      const variance = row.reduce((x, y) => x + (y - mean) ** 2, 0) / row.length
      const divisor = Math.sqrt(variance + (attributes.get('epsilon') as number))
      return row.map((x, i) => ((x - mean) / divisor) * gamma.data[i] + beta.data[i])
    }),
  ],
  DynamicQuantizeLinear: ([a]) => {
    const low = Math.min(0, ...a.data)
    const scale = Math.fround((Math.max(0, ...a.data) - low) / 255)
    const zero = Math.max(0, Math.min(255, roundToEven(-low / scale)))
    const values = unary(a, (x) => Math.max(0, Math.min(255, roundToEven(x / scale) + zero)))
    return [values, { dims: [], data: Float64Array.of(scale) }, { dims: [], data: Float64Array.of(zero) }]
  },
  Range: ([from, to, step]) => {
    const count = Math.max(0, Math.ceil((to.data[0] - from.data[0]) / step.data[0]))
    return [{ dims: [count], data: Float64Array.from({ length: count }, (_, i) => from.data[0] + i * step.data[0]) }]
  },
  Shape: ([a]) => [{ dims: [a.dims.length], data: Float64Array.from(a.dims) }],
  Unsqueeze: ([a, axes]) => {
    const dims = [...a.dims]
    for (const axis of axes.data) dims.splice(axis, 0, 1)
    return [{ dims, data: a.data }]
  },
  Reshape: ([a, shape]) => {
    const dims = [...shape.data].map((dim, i) => (dim === 0 ? a.dims[i] : dim))
    if (product(dims) !== a.data.length) throw new Error(`Reshape of [${a.dims.join()}] to [${dims.join()}]`)
    return [{ dims, data: a.data }]
  },
  Transpose: ([a], attributes) => [transpose(a, attributes.get('perm') as number[])],
  Gather: ([a, by], attributes) => [gather(a, by, (attributes.get('axis') as number | undefined) ?? 0)],
  // along the first axis, as the export uses it
  Slice: ([a, start, end]) => {
    const inner = product(a.dims.slice(1))
    const [from, to] = [start.data[0], Math.min(a.dims[0], end.data[0])]
    return [{ dims: [to - from, ...a.dims.slice(1)], data: a.data.slice(from * inner, to * inner) }]
  },
}

/** Runs a graph. @throws where a node reads what no earlier node wrote */
export function evaluateOnnx(graph: Graph, inputs: Record<string, Value>): Map<string, Value> {
  const values = new Map([...graph.constants, ...Object.entries(inputs)])
  for (const { type, inputs: names, outputs, attributes } of graph.nodes) {
    const operator = OPERATORS[type]
    if (!operator) throw new Error(`no operator ${type}`)
    const given = names.map((name) => {
      const value = values.get(name)
      if (!value) throw new Error(`${type} reads '${name}', which is not there yet`)
      return value
    })
    operator(given, attributes).forEach((value, i) => values.set(outputs[i], value))
  }
  return new Map(graph.outputs.map((name) => [name, values.get(name)!]))
}
