// Parquet files, which data sets of hubs are mostly stored as, to entries.

/** What the columns may have unpacked: a small file can claim any size. */
const MAX_UNPACKED_BYTES = 2e9

/** The columns of class numbers that a Hugging Face data set has, with the names of the classes. */
type ClassNames = Map<string, string[]>

/**
 * The rows as objects. Class numbers that the file has names for, as Hugging Face's ClassLabel, become these names.
 * @throws where the file is damaged, packed by a codec that is not read, or too large
 */
export async function readParquet(bytes: Uint8Array, path: string): Promise<Record<string, unknown>[]> {
  const { parquetMetadata, parquetReadObjects } = await openReader(path)
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  try {
    const metadata = parquetMetadata(buffer)
    const columns = metadata.row_groups.flatMap((group) => group.columns.map((column) => column.meta_data))
    const unpacked = columns.reduce((sum, column) => sum + Number(column?.total_uncompressed_size ?? 0), 0)
    if (unpacked > MAX_UNPACKED_BYTES)
      throw new Error(`unpacked it has ${(unpacked / 1e6).toFixed(0)} MB, expected at most ${MAX_UNPACKED_BYTES / 1e6}`)
    const compressors = await unpackers()
    const known = ['UNCOMPRESSED', 'SNAPPY', ...Object.keys(compressors)]
    const codec = columns.find((column) => column && !known.includes(column.codec))?.codec
    if (codec)
      throw new Error(
        `it is packed by ${codec}, expected ${known.join(', ')}: write it anew with one of them (pandas: to_parquet(…, compression='zstd')), or convert it to CSV or JSONL`,
      )
    const names = classNames(metadata.key_value_metadata)
    const rows = await parquetReadObjects({ file: buffer, metadata, compressors })
    const nameOf = (labels: string[], value: unknown): unknown => labels[Number(value ?? NaN)] ?? value
    for (const row of rows)
      for (const [column, labels] of names) {
        const value = row[column]
        row[column] = Array.isArray(value) ? value.map((each) => nameOf(labels, each)) : nameOf(labels, value)
      }
    return rows
  } catch (error) {
    // the reader's own errors are of these types where bytes are not what they should be
    const isInner = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
    const found = isInner ? 'it is damaged or cut off; fetch it again' : (error as Error).message
    throw new Error(`${path}: this Parquet file is not read: ${found}`, { cause: error })
  }
}

type Unpack = (packed: Uint8Array, length: number) => Uint8Array

/** Codecs that Node has itself, beside Snappy, which the reader has; zstd is not in every version. */
async function unpackers(): Promise<Record<string, Unpack>> {
  const zlib: Partial<typeof import('node:zlib')> = await import('node:zlib')
  const { gunzipSync, brotliDecompressSync, zstdDecompressSync } = zlib
  const bounded =
    (unpack: (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array): Unpack =>
    (packed, length) =>
      unpack(packed, { maxOutputLength: Math.max(1, length) })
  return {
    ...(gunzipSync && { GZIP: bounded(gunzipSync) }),
    ...(brotliDecompressSync && { BROTLI: bounded(brotliDecompressSync) }),
    ...(zstdDecompressSync && { ZSTD: bounded(zstdDecompressSync) }),
  }
}

/** What is used of hyparquet, which is an optional package: typed here, so that the project compiles without it. */
interface Hyparquet {
  parquetMetadata(file: ArrayBuffer): {
    row_groups: { columns: { meta_data?: { codec: string; total_uncompressed_size: bigint } }[] }[]
    key_value_metadata?: { key: string; value?: string }[]
  }
  parquetReadObjects(options: {
    file: ArrayBuffer
    metadata: object
    compressors: Record<string, Unpack>
  }): Promise<Record<string, unknown>[]>
}

async function openReader(path: string): Promise<Hyparquet> {
  try {
    return (await import('hyparquet' as string)) as Hyparquet
  } catch (error) {
    throw new Error(`${path}: Parquet files need the package hyparquet: npm install hyparquet; or convert it to CSV`, {
      cause: error,
    })
  }
}

interface Feature {
  _type?: string
  names?: unknown
  feature?: Feature
}

function classNames(metadata: { key: string; value?: string }[] | undefined): ClassNames {
  const names: ClassNames = new Map()
  const text = metadata?.find(({ key }) => key === 'huggingface')?.value
  if (text === undefined) return names
  const { info } = JSON.parse(text) as { info?: { features?: Record<string, Feature | [Feature]> } }
  for (const [column, feature] of Object.entries(info?.features ?? {})) {
    // a list of classes is written around them
    const inner = Array.isArray(feature) ? feature[0] : (feature.feature ?? feature)
    if (inner._type === 'ClassLabel' && Array.isArray(inner.names)) names.set(column, inner.names as string[])
  }
  return names
}
