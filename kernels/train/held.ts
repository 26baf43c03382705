// Gradients of several batches on their way to one update.

/** Sums f32 vectors with a weight each; rows of the word table are held by id, since a batch touches few of them. */
export class HeldGradients {
  #rest: Float32Array
  #rows = new Map<number, Float32Array>()
  #count = 0

  /** @param length elements of the layout's vector */
  constructor(length: number) {
    this.#rest = new Float32Array(length)
  }

  /** Batches added since the last `clear`. */
  get count(): number {
    return this.#count
  }

  /**
   * Adds share * gradient.
   * @param rest f32 [length]
   * @param ids of the rows, no two equal
   * @param rows f32 [ids.length, C]
   */
  add(share: number, rest: Float32Array, ids: Int32Array, rows: Float32Array): void {
    const C = rows.length / ids.length
    for (let i = 0; i < rest.length; i++) this.#rest[i] += share * rest[i]
    ids.forEach((id, row) => {
      const held = this.#rows.get(id) ?? new Float32Array(C)
      for (let c = 0; c < C; c++) held[c] += share * rows[row * C + c]
      this.#rows.set(id, held)
    })
    this.#count++
  }

  /** The sums, rows by rising id; the vector is a view that `clear` empties. */
  sums(): { rest: Float32Array; ids: Int32Array; rows: Float32Array } {
    const ids = Int32Array.from(this.#rows.keys()).sort()
    const C = ids.length ? this.#rows.get(ids[0])!.length : 0
    const rows = new Float32Array(ids.length * C)
    ids.forEach((id, row) => rows.set(this.#rows.get(id)!, row * C))
    return { rest: this.#rest, ids, rows }
  }

  clear(): void {
    this.#rest.fill(0)
    this.#rows.clear()
    this.#count = 0
  }
}
