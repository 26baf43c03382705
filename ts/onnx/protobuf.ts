// As much of protocol buffers as an ONNX file needs: varints, fixed 32-bit floats, and length-delimited fields. Messages
// are lists of parts; tensors stay where they are (or are made when their turn comes), so that a model of 711 MB needs
// no second copy.

/** Bytes that are there, or that are made when they are written; `length` is known beforehand. */
export interface LazyBytes {
  length: number
  bytes: () => Uint8Array
}

/** A message under construction. */
export class Message {
  readonly parts: (Uint8Array | LazyBytes)[] = []
  length = 0

  private push(part: Uint8Array | LazyBytes): void {
    this.parts.push(part)
    this.length += part.length
  }

  /** A whole number: int32, int64, enum, bool. Negative numbers take ten bytes, as the format wants. */
  int(field: number, value: number | bigint): this {
    this.push(varint(BigInt(field << 3)))
    this.push(varint(BigInt.asUintN(64, BigInt(value))))
    return this
  }

  float(field: number, value: number): this {
    this.push(varint(BigInt((field << 3) | 5)))
    this.push(new Uint8Array(Float32Array.of(value).buffer))
    return this
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value))
  }

  bytes(field: number, value: Uint8Array | LazyBytes): this {
    this.delimited(field, value.length)
    this.push(value)
    return this
  }

  message(field: number, value: Message): this {
    this.delimited(field, value.length)
    for (const part of value.parts) this.push(part)
    return this
  }

  private delimited(field: number, length: number): void {
    this.push(varint(BigInt((field << 3) | 2)))
    this.push(varint(BigInt(length)))
  }

  /** The parts in order; lazy ones are made one at a time. */
  *[Symbol.iterator](): Generator<Uint8Array> {
    for (const part of this.parts) yield part instanceof Uint8Array ? part : part.bytes()
  }
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 128 : low)
  } while (rest > 0n)
  return Uint8Array.from(bytes)
}
