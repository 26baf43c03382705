// A .tflite file of one fully connected layer, by the field numbers of TensorFlow Lite's schema.fbs. Weights in int8 have a
// scale per output; the input is f32 and quantized on the way, per row ("dynamic range" quantization).

import { Builder } from 'flatbuffers'
import type { Layer } from '../kernels/linear-task.ts'

const FULLY_CONNECTED = 9
const FULLY_CONNECTED_OPTIONS = 8
const TYPE = { f32: 0, int8: 9 }

const bytesOf = (array: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** Bytes of the file: tensors 0 x, 1 W, 2 bias, 3 y. */
export function fullyConnected({ M, N, K, weight, bias }: Layer): Uint8Array {
  const b = new Builder(weight.data.byteLength + 4096)

  const vector = <T>(items: T[], size: number, add: (item: T) => void): number => {
    b.startVector(size, items.length, size)
    for (const item of items.toReversed()) add(item)
    return b.endVector()
  }
  const integers = (items: number[]): number => vector(items, 4, (item) => b.addInt32(item))
  const offsets = (items: number[]): number => vector(items, 4, (item) => b.addOffset(item))
  /** a table of offsets and scalars, each by its field number */
  const table = (fields: number, fill: () => void): number => {
    b.startObject(fields)
    fill()
    return b.endObject()
  }
  const buffer = (data: Uint8Array | null): number => {
    let content = 0
    if (data) {
      // data begins at a multiple of 16 bytes
      b.startVector(1, data.length, 16)
      for (let i = data.length; i--;) b.addInt8(data[i])
      content = b.endVector()
    }
    return table(1, () => content && b.addFieldOffset(0, content, 0))
  }
  const tensor = (name: string, shape: number[], type: number, data: number, scales: Float32Array | null): number => {
    const label = b.createString(name)
    const sizes = integers(shape)
    let quantization = 0
    if (scales) {
      const scale = vector([...scales], 4, (s) => b.addFloat32(s))
      const zeros = vector([...scales], 8, () => b.addInt64(0n))
      quantization = table(7, () => {
        b.addFieldOffset(2, scale, 0)
        b.addFieldOffset(3, zeros, 0)
        // field 6, the quantized dimension, is 0: the outputs
      })
    }
    return table(9, () => {
      b.addFieldOffset(0, sizes, 0)
      b.addFieldInt8(1, type, 0)
      b.addFieldInt32(2, data, 0)
      b.addFieldOffset(3, label, 0)
      if (quantization) b.addFieldOffset(4, quantization, 0)
    })
  }

  const buffers = offsets([buffer(null), buffer(bytesOf(weight.data)), buffer(bytesOf(bias))])
  const tensors = offsets([
    tensor('x', [M, K], TYPE.f32, 0, null),
    tensor('W', [N, K], TYPE[weight.kind], 1, weight.kind === 'int8' ? weight.scales : null),
    tensor('bias', [N], TYPE.f32, 2, null),
    tensor('y', [M, N], TYPE.f32, 0, null),
  ])
  // field 3: asymmetric_quantize_inputs, as XNNPACK takes them
  const options = table(5, () => b.addFieldInt8(3, weight.kind === 'int8' ? 1 : 0, 0))
  const inputs = integers([0, 1, 2])
  const outputs = integers([3])
  const operator = table(5, () => {
    b.addFieldInt32(0, 0, 0)
    b.addFieldOffset(1, inputs, 0)
    b.addFieldOffset(2, outputs, 0)
    b.addFieldInt8(3, FULLY_CONNECTED_OPTIONS, 0)
    b.addFieldOffset(4, options, 0)
  })
  const operators = offsets([operator])
  const [given, made] = [integers([0]), integers([3])]
  const subgraph = table(5, () => {
    b.addFieldOffset(0, tensors, 0)
    b.addFieldOffset(1, given, 0)
    b.addFieldOffset(2, made, 0)
    b.addFieldOffset(3, operators, 0)
  })
  const subgraphs = offsets([subgraph])
  const code = table(4, () => {
    b.addFieldInt8(0, FULLY_CONNECTED, 0)
    b.addFieldInt32(2, weight.kind === 'int8' ? 12 : 1, 1)
    b.addFieldInt32(3, FULLY_CONNECTED, 0)
  })
  const codes = offsets([code])
  const description = b.createString('one fully connected layer')
  const model = table(8, () => {
    b.addFieldInt32(0, 3, 0)
    b.addFieldOffset(1, codes, 0)
    b.addFieldOffset(2, subgraphs, 0)
    b.addFieldOffset(3, description, 0)
    b.addFieldOffset(4, buffers, 0)
  })
  b.finish(model, 'TFL3')
  return b.asUint8Array()
}
