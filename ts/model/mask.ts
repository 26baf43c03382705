// Bit masks of stored columns: bit k % 8 of byte k / 8 of a row. How index lists are stored in model files.

/** [rows, ceil(width / 8)] from lists of columns, one list per row. */
export function maskOfColumns(
  rowOffsets: ArrayLike<number>,
  columns: ArrayLike<number>,
  rows: number,
  width: number,
): Uint8Array {
  const rowBytes = Math.ceil(width / 8)
  const mask = new Uint8Array(rows * rowBytes)
  for (let row = 0; row < rows; row++)
    for (let z = rowOffsets[row]; z < rowOffsets[row + 1]; z++)
      mask[row * rowBytes + (columns[z] >> 3)] |= 1 << (columns[z] & 7)
  return mask
}

/**
 * Row offsets [rows + 1] and columns (rising) from a mask.
 * @throws where a bit is set at or past `width`
 */
export function columnsOfMask(
  mask: Uint8Array,
  rows: number,
  width: number,
  name: string,
): { rowOffsets: Uint32Array; columns: Uint16Array } {
  const rowBytes = Math.ceil(width / 8)
  const rowOffsets = new Uint32Array(rows + 1)
  let count = 0
  for (let row = 0; row < rows; row++) {
    for (let i = row * rowBytes; i < (row + 1) * rowBytes; i++) count += popcount(mask[i])
    rowOffsets[row + 1] = count
    const spare = rowBytes * 8 - width
    if (spare > 0 && mask[(row + 1) * rowBytes - 1] >> (8 - spare) !== 0)
      throw new Error(`tensor '${name}': row ${row} has a bit set past its ${width} columns`)
  }
  const columns = new Uint16Array(count)
  let z = 0
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < rowBytes; i++) {
      let byte = mask[row * rowBytes + i]
      while (byte !== 0) {
        columns[z++] = i * 8 + (31 - Math.clz32(byte & -byte))
        byte &= byte - 1
      }
    }
  return { rowOffsets, columns }
}

function popcount(byte: number): number {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
}
