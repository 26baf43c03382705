// A model's tensors by name: all of them checked against the shape that config.json gives, then read, matrices and tables
// only when they are asked for.

import {
  readTable,
  readWeight,
  type Place,
  type StoredTable,
  type StoredWeight,
} from '../../kernels/program/stored-weights.ts'
import { checkLinearWeight, type EmbeddingTable, type LeafWeight } from '../../kernels/program/weights.ts'
import type { Dtype, SafetensorsFile, StoredArray, TensorEntry } from '../io/safetensors.ts'
import { readFloats, readStored } from '../io/tensors.ts'
import {
  canonicalName,
  classifierStem,
  isOfHead,
  linearStem,
  normStem,
  rowsBeforePositions,
} from '../families/names.ts'
import type { ParsedConfig } from './config-json.ts'
import type { ProblemType } from './config.ts'
import { columnsOfMask } from './mask.ts'
import { settleOptionalParts } from './parts.ts'
import { fixedScaleOf, tensorSlots, type LeafShape, type LinearLayerShape, type TableShape } from './shape.ts'
import {
  LAYER_LINEARS,
  mix,
  poolerStem,
  projectionStem,
  type EncoderLayer,
  type LinearLayer,
  type ModelWeights,
  type Norm,
  type StoredModel,
} from './weights.ts'

export interface TensorIndexOptions {
  labels?: string[]
  /** what the classifier's outputs are, in place of the file's own */
  problemType?: ProblemType
  embeddings?: 'required' | 'optional'
}

type Weight = LinearLayer['weight'] | StoredWeight

export class TensorIndex {
  private readonly entries = new Map<string, { file: SafetensorsFile; entry: TensorEntry }>()
  private readonly where: string
  private readonly parsed: ParsedConfig
  private readonly options: TensorIndexOptions
  /** of tensors that are asked for more than once, by several names or for layers applied again: the array, once read */
  private readonly shared = new Map<TensorEntry, Promise<StoredArray> | null>()

  constructor(parts: SafetensorsFile[], parsed: ParsedConfig, options: TensorIndexOptions) {
    this.parsed = parsed
    this.options = options
    this.where = parts.map((part) => part.source.name).join(', ')
    for (const file of parts)
      for (const entry of file.tensors.values()) {
        const name = canonicalName(parsed.family, entry.name)
        if (name === null) continue
        if (this.entries.has(name)) throw new Error(`${this.where}: tensor '${name}' is given twice`)
        this.entries.set(name, { file, entry })
      }
    for (const [alias, name] of Object.entries(parsed.aliases)) {
      const target = this.entries.get(name)
      if (!target || this.entries.has(alias))
        throw new Error(
          `${this.where}: tensor '${alias}' should share the bytes of '${name}', which is missing or not alone`,
        )
      this.entries.set(alias, target)
      this.shared.set(target.entry, null)
    }
  }

  /**
   * Settles which optional parts are there, checks every tensor's type and shape, then reads what is small: vectors, and
   * the factors of chains, which a program may multiply.
   */
  async model(): Promise<StoredModel> {
    const { shape, family } = this.parsed
    const { config } = shape
    const { tensors, distances } = family
    settleOptionalParts(this.parsed, this.entries.keys(), this.options.embeddings)
    this.settleLabels()
    this.checkTensors()
    this.shareRepeated()

    const { word, type, projection } = shape
    const E = word.width
    const noNorm = { gamma: new Float32Array(E).fill(1), beta: new Float32Array(E) }
    const embeddings = {
      word: this.table(tensors.word, word),
      ...(await this.positions()),
      type: tensors.type === null ? zeroTable(type) : this.table(tensors.type, type),
      norm: word.rows > 0 ? await this.norm(tensors.embeddingNorm) : noNorm,
      ...(projection && { projection: await this.linear(projectionStem(shape), projection) }),
    }
    const layers: EncoderLayer<Weight>[] = []
    for (const [i, layer] of shape.layers.entries()) {
      const linears: Partial<EncoderLayer<Weight>> = {}
      for (const role of LAYER_LINEARS) linears[role] = await this.linear(linearStem(family, i, role), layer[role])
      layers.push({
        ...(linears as EncoderLayer<Weight>),
        attentionNorm: await this.norm(normStem(family, i, 'attention')),
        outputNorm: await this.norm(normStem(family, i, 'output')),
        heads: layer.heads,
        headSize: layer.headSize,
      })
    }
    return {
      config,
      embeddings,
      ...(shape.distances && { distances: await this.floats(`${distances!.stem}.weight`) }),
      layers,
      pooler: shape.pooler && (await this.linear(poolerStem(shape), shape.pooler)),
      classifier: shape.classifier && (await this.linear(classifierStem(family, config), shape.classifier)),
    }
  }

  /** A layer that is applied several times is packed as often, while files may be read once alone: its arrays are kept. */
  private shareRepeated(): void {
    const { config } = this.parsed.shape
    if ((config.layerGroups ?? config.layers) === config.layers) return
    const { layer } = this.parsed.family.tensors
    for (let group = 0; group < config.layerGroups!; group++)
      for (const [name, { entry }] of this.entries)
        if (name.startsWith(`${layer(group)}.`) && !this.shared.has(entry)) this.shared.set(entry, null)
  }

  /** Labels: the caller's, the file's, or LABEL_0 … by the classifier's rows. */
  private settleLabels(): void {
    const { shape, family, labelsNamed } = this.parsed
    const { config, classifier } = shape
    if (!classifier) {
      config.labels = []
      return
    }
    const rows = this.entries.get(`${classifierStem(family, config)}.bias`)?.entry.shape[0] ?? classifier.weight.N
    if (this.options.problemType) config.problemType = this.options.problemType
    if (this.options.labels) config.labels = this.options.labels
    else if (!labelsNamed) config.labels = Array.from({ length: rows }, (_, i) => `LABEL_${i}`)
    if (config.labels.length !== rows)
      throw new Error(
        `${this.where}: the classifier has ${rows} outputs, but there are ${config.labels.length} labels (${config.labels.join(', ')})`,
      )
    classifier.weight = { ...classifier.weight, N: rows }
  }

  /** Every tensor of the shape must be there with its type and shape, and no others. */
  private checkTensors(): void {
    const expected = new Set<string>()
    for (const slot of tensorSlots(this.parsed.shape)) {
      expected.add(slot.name)
      const found = this.entries.get(slot.name)
      if (!found)
        throw new Error(`${this.where}: tensor '${slot.name}' ${slot.dtype} [${slot.shape.join(', ')}] is missing`)
      const { dtype, shape } = found.entry
      const floats: Dtype[] = ['F32', 'F16', 'BF16', 'F64']
      const fits = slot.dtype === 'F32' ? floats.includes(dtype) : dtype === slot.dtype
      if (!fits || shape.join() !== slot.shape.join())
        throw new Error(
          `${this.where}: tensor '${found.entry.name}' is ${dtype} [${shape.join(', ')}], expected ${slot.dtype} [${slot.shape.join(', ')}] by config.json`,
        )
    }
    const { shape, family } = this.parsed
    for (const name of this.entries.keys()) {
      // a head that this model does not use: another task's classifier, a pooler that the classifier does not read
      const isIdle =
        isOfHead(family, name) && !(shape.classifier && name.startsWith(`${classifierStem(family, shape.config)}.`))
      if (!expected.has(name) && !isIdle)
        throw new Error(
          `${this.where}: tensor '${name}' has no place in a model of ${shape.layers.length} layers as config.json describes it`,
        )
    }
  }

  private async read<T extends StoredArray>(
    name: string,
    reader: (file: SafetensorsFile, entry: TensorEntry, place?: Place) => Promise<StoredArray>,
    place?: Place,
  ): Promise<T> {
    const { file, entry } = this.entries.get(name)!
    let shared = this.shared.get(entry)
    if (shared === undefined) return (await reader(file, entry, place)) as T
    if (shared === null) this.shared.set(entry, (shared = reader(file, entry)))
    const array = (await shared) as T
    if (!place) return array
    const bytes = place(array.byteLength)
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    return new (array.constructor as new (...view: unknown[]) => T)(bytes.buffer, bytes.byteOffset, array.length)
  }

  private floats(name: string, place?: Place): Promise<Float32Array> {
    return this.read(name, readFloats, place)
  }

  private stored<T extends StoredArray>(name: string, place?: Place): Promise<T> {
    return this.read(name, readStored, place)
  }

  private async norm(stem: string): Promise<Norm> {
    return { gamma: await this.floats(`${stem}.weight`), beta: await this.floats(`${stem}.bias`) }
  }

  private table(stem: string, { kind, rows, width }: TableShape): EmbeddingTable | StoredTable {
    if (rows === 0) return { kind: 'f32', rows, width, data: new Float32Array(0) }
    const name = `${stem}.weight`
    const read = async (place?: Place): Promise<EmbeddingTable> => {
      if (kind === 'f32') return { kind, rows, width, data: await this.floats(name, place) }
      const [scales, offsets] = [await this.floats(`${name}.scales`), await this.floats(`${name}.offsets`)]
      return { kind, rows, width, data: await this.stored<Uint8Array>(name, place), scales, offsets }
    }
    return { kind: 'stored', rows, width, read }
  }

  /** The position table; one that has rows before the first token's is read here, since it is cut in two. */
  private async positions(): Promise<Pick<StoredModel['embeddings'], 'position' | 'before'>> {
    const { shape, family } = this.parsed
    const { position } = shape
    const count = rowsBeforePositions(family, shape.config.paddingId)
    if (count === 0 || position.rows === 0) return { position: this.table(family.tensors.position, position) }
    const rows = count + position.rows
    const whole = await readTable(this.table(family.tensors.position, { ...position, rows }))
    return { before: rowsOfTable(whole, 0, count), position: rowsOfTable(whole, count, rows) }
  }

  private async linear(stem: string, { weight, bias }: LinearLayerShape): Promise<LinearLayer<Weight>> {
    const check = <T extends LinearLayer['weight']>(whole: T): T => {
      checkLinearWeight(whole, `${this.where}: tensor '${stem}.weight'`)
      return whole
    }
    const read: Weight =
      weight.kind === 'chain'
        ? check({ ...weight, factors: await this.factors(stem, weight.factors) })
        : {
            kind: 'stored',
            N: weight.N,
            K: weight.K,
            read: async (place) => check(await this.leaf(stem, weight, place)),
          }
    return { weight: read, bias: bias ? await this.floats(`${stem}.bias`) : null }
  }

  private async factors(stem: string, shapes: LeafShape[]): Promise<LeafWeight[]> {
    const factors: LeafWeight[] = []
    for (const [i, factor] of shapes.entries()) factors.push(await this.leaf(`${stem}.factors.${i}`, factor))
    return factors
  }

  private async leaf(stem: string, shape: LeafShape, place?: Place): Promise<LeafWeight> {
    const { N, K } = shape
    const name = `${stem}.weight`
    switch (shape.kind) {
      case 'f32':
        return { kind: 'f32', N, K, data: await this.floats(name, place) }
      case 'mixed': {
        const basis = await this.floats(`${name}.basis`)
        const data = mix({ basis, weights: await this.floats(`${name}.mix`) })
        const bad = data.findIndex((x) => !Number.isFinite(x))
        if (bad >= 0)
          throw new Error(
            `tensor '${name}.mix' times its basis gives ${data[bad]} at element ${bad}; weights must be finite`,
          )
        return { kind: 'f32', N, K, data }
      }
      case 'int8': {
        const data = await this.stored<Int8Array>(name, place)
        return { kind: 'int8', N, K, data, scales: await this.floats(`${name}.scales`), ...fixedScaleOf(shape) }
      }
      case 'csr': {
        const columns = columnsOfMask(await this.stored<Uint8Array>(`${name}.mask`), N, K, `${name}.mask`)
        return { kind: 'csr', N, K, ...columns, values: await this.floats(`${name}.values`) }
      }
      case 'int8-1x4': {
        const columns = columnsOfMask(await this.stored<Uint8Array>(`${name}.mask`), N, K / 4, `${name}.mask`)
        const values = await this.stored<Int8Array>(`${name}.values`)
        const scales = await this.floats(`${name}.scales`)
        return { kind: 'int8-1x4', N, K, ...columns, values, scales, ...fixedScaleOf(shape) }
      }
      case 'nm': {
        const { n, m, group } = shape
        const mask = await this.stored<Uint8Array>(`${name}.mask`)
        const { columns } = columnsOfMask(mask, Math.ceil(N / group), K, `${name}.mask`)
        return { kind: 'nm', N, K, n, m, group, indices: columns, values: await this.floats(`${name}.values`) }
      }
    }
  }
}

/** What a family without token types adds to every token. */
const zeroTable = ({ rows, width }: TableShape): EmbeddingTable => ({
  kind: 'f32',
  rows,
  width,
  data: new Float32Array(rows * width),
})

/** Rows of a table as a view of it. */
function rowsOfTable(table: EmbeddingTable, from: number, to: number): EmbeddingTable {
  const { width } = table
  const rows = to - from
  if (table.kind === 'f32') return { ...table, rows, data: table.data.subarray(from * width, to * width) }
  const { data, scales, offsets } = table
  return {
    ...table,
    rows,
    data: data.subarray(from * width, to * width),
    scales: scales.subarray(from, to),
    offsets: offsets.subarray(from, to),
  }
}

/** The model with all of its weights in memory. */
export async function readModel({ embeddings, ...model }: StoredModel): Promise<ModelWeights> {
  const linear = async ({ weight, bias }: LinearLayer<Weight>): Promise<LinearLayer> => ({
    weight: await readWeight(weight),
    bias,
  })
  const { word, position, type, projection, ...rest } = embeddings
  const tables = {
    ...rest,
    word: await readTable(word),
    position: await readTable(position),
    type: await readTable(type),
    ...(projection && { projection: await linear(projection) }),
  }
  const layers: EncoderLayer[] = []
  for (const layer of model.layers) {
    const linears: Partial<EncoderLayer> = {}
    for (const role of LAYER_LINEARS) linears[role] = await linear(layer[role])
    layers.push({ ...layer, ...(linears as Pick<EncoderLayer, (typeof LAYER_LINEARS)[number]>) })
  }
  const pooler = model.pooler && (await linear(model.pooler))
  const classifier = model.classifier && (await linear(model.classifier))
  return { ...model, embeddings: tables, layers, pooler, classifier }
}
