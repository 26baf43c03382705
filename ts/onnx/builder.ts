// ONNX graphs: nodes, constants, inputs and outputs as protobuf messages (onnx.proto3 of IR version 8).

import { Message, type LazyBytes } from './protobuf.ts'

/** TensorProto.DataType */
export const ELEMENT = { f32: 1, u8: 2, s8: 3, i32: 6, i64: 7 } as const
export type ElementType = keyof typeof ELEMENT

type Attribute = number | string | number[] | { float: number }

const OPSET = 17
const IR_VERSION = 8
/** Protocol buffers end here. */
const MAX_BYTES = 2 ** 31 - 1

export class GraphBuilder {
  private readonly nodes: Message[] = []
  private readonly constants: Message[] = []
  private readonly inputs: Message[] = []
  private readonly outputs: Message[] = []
  private readonly known = new Map<unknown, Map<string, string>>()
  private count = 0

  /** Adds a node with one output and returns the output's name. */
  node(type: string, inputs: string[], attributes: Record<string, Attribute> = {}): string {
    return this.nodeOf(type, inputs, 1, attributes)[0]
  }

  /** Adds a node with several outputs. */
  nodeOf(type: string, inputs: string[], outputs: number, attributes: Record<string, Attribute> = {}): string[] {
    const name = `${type}_${this.count++}`
    const names = Array.from({ length: outputs }, (_, i) => (outputs === 1 ? name : `${name}_${i}`))
    const node = new Message()
    for (const input of inputs) node.string(1, input)
    for (const output of names) node.string(2, output)
    node.string(3, name).string(4, type)
    for (const [key, value] of Object.entries(attributes)) node.message(5, attribute(key, value))
    this.nodes.push(node)
    return names
  }

  /**
   * Adds a constant, or finds the one that was made of the same `source` in the same `layout`.
   * @param source the array that it comes from; null for constants that are never shared
   */
  constant(
    name: string,
    type: ElementType,
    shape: number[],
    content: Uint8Array | LazyBytes,
    source: object | null = null,
    layout = '',
  ): string {
    const layouts = this.known.get(source) ?? new Map<string, string>()
    const key = `${layout} ${type} ${shape.join()}`
    const same = source && layouts.get(key)
    if (same) return same
    if (source) this.known.set(source, layouts.set(key, name))
    const tensor = new Message()
    for (const dim of shape) tensor.int(1, dim)
    tensor.int(2, ELEMENT[type]).string(8, name).bytes(9, content)
    this.constants.push(tensor)
    return name
  }

  /** A small i64 constant: shapes, axes, bounds. */
  integers(values: number[]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
    return this.constant(`integers_${this.count++}`, 'i64', [values.length], bytes)
  }

  /** A scalar f32 constant. */
  scalar(value: number): string {
    return this.constant(`scalar_${this.count++}`, 'f32', [], new Uint8Array(Float32Array.of(value).buffer))
  }

  input(name: string, type: ElementType, shape: (number | string)[]): string {
    this.inputs.push(valueInfo(name, type, shape))
    return name
  }

  /** Gives `value` its public name. */
  output(name: string, value: string, type: ElementType, shape: (number | string)[]): void {
    this.nodes.push(new Message().string(1, value).string(2, name).string(3, `output_${name}`).string(4, 'Identity'))
    this.outputs.push(valueInfo(name, type, shape))
  }

  /** The file. @throws where it would be larger than the format can be */
  finish(graphName: string): Message {
    const graph = new Message()
    for (const node of this.nodes) graph.message(1, node)
    graph.string(2, graphName)
    for (const constant of this.constants) graph.message(5, constant)
    for (const input of this.inputs) graph.message(11, input)
    for (const output of this.outputs) graph.message(12, output)
    const model = new Message()
      .int(1, IR_VERSION)
      .string(2, 'compact-kernels')
      .message(7, graph)
      .message(8, new Message().string(1, '').int(2, OPSET))
    if (model.length > MAX_BYTES)
      throw new Error(`export-onnx: the file would have ${model.length} bytes, ONNX files have at most ${MAX_BYTES}`)
    return model
  }
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().string(1, name)
  // field 20 is the type: FLOAT 1, INT 2, STRING 3, INTS 7
  if (typeof value === 'number') return message.int(3, value).int(20, 2)
  if (typeof value === 'string') return message.string(4, value).int(20, 3)
  if (!Array.isArray(value)) return message.float(2, value.float).int(20, 1)
  for (const item of value) message.int(8, item)
  return message.int(20, 7)
}

function valueInfo(name: string, type: ElementType, shape: (number | string)[]): Message {
  const dims = new Message()
  for (const dim of shape)
    dims.message(1, typeof dim === 'number' ? new Message().int(1, dim) : new Message().string(2, dim))
  const tensor = new Message().int(1, ELEMENT[type]).message(2, dims)
  return new Message().string(1, name).message(2, new Message().message(1, tensor))
}
