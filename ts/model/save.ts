// Writes a model as a Hugging Face folder. What is written loads again bit for bit (ts/model/load.ts).

import { checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { checkLinearWeight, type EmbeddingTable, type LeafWeight } from '../../kernels/program/weights.ts'
import { familyOf } from '../families/index.ts'
import { rowsBeforePositions } from '../families/names.ts'
import { TOKENIZER_FILES } from '../io/folder.ts'
import { encodeSafetensors, planSafetensors, type TensorToWrite } from '../io/safetensors.ts'
import { withMaxLength } from '../text/tokenizer-files.ts'
import { formatConfig } from './config-json.ts'
import { denseTable } from './dense.ts'
import { maskOfColumns } from './mask.ts'
import { shapeOfModel, tensorSlots } from './shape.ts'
import { LAYER_LINEARS, linearLayers, mixtureOf, type LinearLayer, type ModelWeights, type Norm } from './weights.ts'

type TensorData = TensorToWrite['data']

/** The stored arrays of a weight, in the order of `tensorSlots`. */
function* leafData(weight: LeafWeight, masks: Map<object, Uint8Array>): Generator<TensorData> {
  const { N, K } = weight
  // a sparse factor that layers share must keep sharing: its mask is made once
  const maskOf = (rowOffsets: Uint32Array, columns: Uint16Array, rows: number, width: number): Uint8Array => {
    let mask = masks.get(columns)
    if (!mask) masks.set(columns, (mask = maskOfColumns(rowOffsets, columns, rows, width)))
    return mask
  }
  switch (weight.kind) {
    case 'f32': {
      const mixture = mixtureOf(weight.data)
      if (mixture) {
        yield mixture.basis
        yield mixture.weights
      } else yield weight.data
      break
    }
    case 'int8':
      yield weight.data
      yield weight.scales
      break
    case 'csr':
      yield maskOf(weight.rowOffsets, weight.columns, N, K)
      yield weight.values
      break
    case 'int8-1x4':
      yield maskOf(weight.rowOffsets, weight.columns, N, K / 4)
      yield weight.values
      yield weight.scales
      break
    case 'nm': {
      const groups = Math.ceil(N / weight.group)
      const P = (K / weight.m) * weight.n
      const offsets = Uint32Array.from({ length: groups + 1 }, (_, g) => g * P)
      yield maskOf(offsets, weight.indices, groups, K)
      yield weight.values
    }
  }
}

function* linearData({ weight, bias }: LinearLayer, masks: Map<object, Uint8Array>): Generator<TensorData> {
  if (weight.kind === 'chain') for (const factor of weight.factors) yield* leafData(factor, masks)
  else yield* leafData(weight, masks)
  if (bias) yield bias
}

function* tableData(table: EmbeddingTable): Generator<TensorData> {
  yield table.data
  if (table.kind === 'int8') {
    yield table.scales
    yield table.offsets
  }
}

/**
 * The embedding tables as the family's files have them. Without a table of token types, what every token adds is put into
 * the positions: the sum of the three is the same.
 */
function storedTables({ config, embeddings }: ModelWeights): EmbeddingTable[] {
  const family = familyOf(config)
  const { tensors } = family
  const { word, type } = embeddings
  let { position } = embeddings
  let { before } = embeddings
  if (tensors.type === null && denseTable(type).some((x) => x !== 0)) {
    const row = denseTable(type)
    const added = (table: EmbeddingTable): EmbeddingTable => {
      const data = denseTable(table).map((x, i) => x + row[i % table.width])
      return { kind: 'f32', rows: table.rows, width: table.width, data }
    }
    position = added(position)
    before = before && added(before)
  }
  const count = rowsBeforePositions(family, config.paddingId)
  if (count > 0) position = withRowsBefore(position, count, before)
  return tensors.type === null ? [word, position] : [word, position, type]
}

/**
 * The table after the rows that come before it.
 * @throws where there are not `count` of them, or they are stored in another format
 */
function withRowsBefore(table: EmbeddingTable, count: number, before: EmbeddingTable | undefined): EmbeddingTable {
  if (before?.kind !== table.kind || before.rows !== count || before.width !== table.width)
    throw new Error(
      `embeddings.before is ${before ? `${before.kind} [${before.rows}, ${before.width}]` : 'missing'}, expected` +
        ` ${table.kind} [${count}, ${table.width}]: the rows of the position table that are not counted`,
    )
  const rows = count + table.rows
  const joined = <T extends Float32Array | Uint8Array>(first: T, last: T): T => {
    const whole = new (first.constructor as new (n: number) => T)(first.length + last.length)
    whole.set(first)
    whole.set(last, first.length)
    return whole
  }
  if (table.kind === 'f32') return { ...table, rows, data: joined((before as typeof table).data, table.data) }
  const { data, scales, offsets } = before as typeof table
  return {
    ...table,
    rows,
    data: joined(data, table.data),
    scales: joined(scales, table.scales),
    offsets: joined(offsets, table.offsets),
  }
}

function* normData({ gamma, beta }: Norm): Generator<TensorData> {
  yield gamma
  yield beta
}

function* modelData(model: ModelWeights): Generator<TensorData> {
  const { word, norm, projection } = model.embeddings
  const masks = new Map<object, Uint8Array>()
  if (word.rows > 0) {
    for (const table of storedTables(model)) yield* tableData(table)
    yield* normData(norm)
  }
  if (projection) yield* linearData(projection, masks)
  if (model.distances) yield model.distances
  for (const layer of model.layers) {
    for (const role of LAYER_LINEARS) yield* linearData(layer[role], masks)
    yield* normData(layer.attentionNorm)
    yield* normData(layer.outputNorm)
  }
  if (model.pooler) yield* linearData(model.pooler, masks)
  if (model.classifier) yield* linearData(model.classifier, masks)
}

/**
 * The tensors of a model's file, and which tensors share another's bytes: arrays that are the same object (factors
 * common to several layers) are stored once.
 *
 * @throws where a weight breaks its own rules or an array does not match its shape
 */
export function modelTensors(model: ModelWeights): { tensors: TensorToWrite[]; aliases: Record<string, string> } {
  for (const { stem, linear } of linearLayers(model)) checkLinearWeight(linear.weight, `${stem}.weight`)
  const tensors: TensorToWrite[] = []
  const aliases: Record<string, string> = {}
  const first = new Map<TensorData, TensorToWrite>()
  const data = modelData(model)
  for (const { name, dtype, shape } of tensorSlots(shapeOfModel(model))) {
    const next = data.next()
    if (next.done) throw new Error(`tensor '${name}' has no data`)
    const same = first.get(next.value)
    if (same && same.shape.join() === shape.join()) aliases[name] = same.name
    else {
      const tensor = { name, dtype, shape, data: next.value }
      first.set(next.value, tensor)
      tensors.push(tensor)
    }
  }
  return { tensors, aliases }
}

export interface SaveOptions {
  /** name -> text: tokenizer.json, vocab.txt, tokenizer_config.json, written beside the weights */
  files?: Record<string, string>
  /** other files of the folder, written as they are: `filesBeside` of a model that was loaded */
  beside?: Record<string, Uint8Array<ArrayBuffer>>
}

const OPTIONS: OptionNames<SaveOptions> = { files: true, beside: true }

/** The files of a model folder in memory, for the browser: names and contents as `saveModel` writes them. */
export function encodeModel(
  model: ModelWeights,
  options: SaveOptions = {},
): Record<string, string | Uint8Array<ArrayBuffer>> {
  checkNames('encodeModel', options, OPTIONS)
  const { tensors, aliases } = modelTensors(model)
  return {
    'model.safetensors': encodeSafetensors(tensors),
    ...(options.files && withMaxLength(options.files, model.config.maxPositions)),
    ...options.beside,
    'config.json': formatConfig(shapeOfModel(model), aliases),
  }
}

/**
 * Writes `folder` (Node): config.json, model.safetensors, the files given, and their SHA-256 in SHA256SUMS. The folder
 * appears whole or not at all, also in the place of one that exists: of that, other files stay, but with `files` goes a
 * tokenizer's file that is not among them.
 *
 * @returns bytes of every file written
 * @throws where a weight is not valid or the disk refuses; the folder is then what it was
 */
export async function saveModel(
  model: ModelWeights,
  folder: string,
  options: SaveOptions = {},
): Promise<Record<string, number>> {
  checkNames('saveModel', options, OPTIONS)
  const { tensors, aliases } = modelTensors(model)
  const { header, parts } = planSafetensors(tensors)
  const { writeFolder } = await import('../io/folder.node.ts')
  // a tokenizer of an earlier model must not stay beside this one's
  const files = options.files && withMaxLength(options.files, model.config.maxPositions)
  const stale = options.files ? TOKENIZER_FILES.filter((name) => !Object.hasOwn(options.files!, name)) : []
  return writeFolder(
    folder,
    [
      ['model.safetensors', [header, ...parts]],
      ...Object.entries(files ?? {}).map(([name, text]): [string, string[]] => [name, [text]]),
      ...Object.entries(options.beside ?? {}).map(([name, bytes]): [string, Uint8Array[]] => [name, [bytes]]),
      ['config.json', [formatConfig(shapeOfModel(model), aliases)]],
    ],
    stale.filter((name) => !Object.hasOwn(options.beside ?? {}, name)),
  )
}
