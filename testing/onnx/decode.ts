// Reads ONNX files back and runs them, in f64 and one node at a time: enough of both to test the export without a
// runtime. Imported by tests only. (Written against onnx.proto, not against builder.ts.)

interface Field {
  field: number
  value: bigint | Uint8Array
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('protobuf: ended inside a number')
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const take = (length: number): Uint8Array => {
      if (at + length > bytes.length) throw new Error('protobuf: a field ends outside its message')
      at += length
      return bytes.subarray(at - length, at)
    }
    const wire = key & 7
    if (wire === 0) fields.push({ field: key >> 3, value: varint() })
    else if (wire === 2) fields.push({ field: key >> 3, value: take(Number(varint())) })
    else if (wire === 5) fields.push({ field: key >> 3, value: take(4) })
    else throw new Error(`protobuf: wire type ${wire}`)
  }
  return fields
}

const all = (fields: Field[], field: number): Uint8Array[] =>
  fields.filter((f) => f.field === field).map(({ value }) => value as Uint8Array)
const texts = (fields: Field[], field: number): string[] => all(fields, field).map((b) => new TextDecoder().decode(b))
const numbers = (fields: Field[], field: number): number[] =>
  fields.filter((f) => f.field === field).map(({ value }) => Number(BigInt.asIntN(64, value as bigint)))

/** A value while the graph runs. Integers are exact in f64. */
export interface Value {
  dims: number[]
  data: Float64Array
}

interface Node {
  type: string
  inputs: string[]
  outputs: string[]
  attributes: Map<string, number | number[]>
}

export interface Graph {
  opset: number
  nodes: Node[]
  constants: Map<string, Value>
  inputs: string[]
  outputs: string[]
}

export function decodeOnnx(file: Uint8Array): Graph {
  const model = fieldsOf(file)
  const graph = fieldsOf(all(model, 7)[0])
  const nameOf = (info: Uint8Array): string => texts(fieldsOf(info), 1)[0]
  return {
    opset: numbers(fieldsOf(all(model, 8)[0]), 2)[0],
    nodes: all(graph, 1).map((bytes) => {
      const node = fieldsOf(bytes)
      const attributes = new Map<string, number | number[]>()
      for (const attribute of all(node, 5).map(fieldsOf)) {
        const type = numbers(attribute, 20)[0]
        const [f] = all(attribute, 2)
        const float = () => new DataView(f.buffer, f.byteOffset, 4).getFloat32(0, true)
        attributes.set(
          texts(attribute, 1)[0],
          type === 1 ? float() : type === 2 ? numbers(attribute, 3)[0] : numbers(attribute, 8),
        )
      }
      return { type: texts(node, 4)[0], inputs: texts(node, 1), outputs: texts(node, 2), attributes }
    }),
    constants: new Map(all(graph, 5).map((bytes) => constantOf(fieldsOf(bytes)))),
    inputs: all(graph, 11).map(nameOf),
    outputs: all(graph, 12).map(nameOf),
  }
}

function constantOf(tensor: Field[]): [string, Value] {
  const [name] = texts(tensor, 8)
  const dims = numbers(tensor, 1)
  const raw = all(tensor, 9)[0].slice().buffer
  const [type] = numbers(tensor, 2)
  const readers: Record<number, () => Float64Array> = {
    1: () => Float64Array.from(new Float32Array(raw)),
    2: () => Float64Array.from(new Uint8Array(raw)),
    3: () => Float64Array.from(new Int8Array(raw)),
    7: () => Float64Array.from(new BigInt64Array(raw), Number),
  }
  const data = readers[type]?.()
  if (data?.length !== product(dims))
    throw new Error(`constant ${name}: ${data?.length} elements for [${dims.join(', ')}]`)
  return [name, { dims, data }]
}

export const product = (dims: number[]): number => dims.reduce((a, b) => a * b, 1)
