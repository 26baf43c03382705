// A student to start distillation from: what of a teacher fits its size, the rest fresh.
//
// The same width: tables, what follows them, pooler and classifier are the teacher's, and of its stored layers those of an even spacing that keeps
// both ends, 0 2 4 7 9 11 of 12 as DistilBERT has them, 0 2 5 of 6: the first reads embeddings, the last feeds the pooler.
//
// A narrower one: layers are fresh, the tables are projected. What the teacher's layers see of a row e of a table is
// x = gamma * (e - mean e), up to a factor of the row: so the leading eigenvectors V [R, C] of the sum of x x^T are kept,
// each word counted as often as it occurs. The student's own LayerNorm takes the mean of a row away again, hence
// R = C' - 1, and the rows x V^T are turned into C' dimensions by Q [R, C'], orthonormal and orthogonal to (1 ... 1): means
// are 0, distances as the teacher has them, and no coordinate is larger than another, which Adam and dropout want. Tables that
// a linear layer brings to the hidden size stay as they are: that layer starts fresh.

import { createRandom } from '../../kernels/program/random.ts'
import type { EmbeddingTable } from '../../kernels/program/weights.ts'
import { denseTable, denseWeight } from '../compress/dense.ts'
import {
  gram,
  leadingEigenvectors,
  multiply,
  orthonormalize,
  sumOfSquares,
  transpose,
  view,
} from '../compress/linear-algebra.ts'
import type { BertConfig } from '../model/config.ts'
import type { EncoderLayer, LinearLayer, ModelWeights, Norm } from '../model/weights.ts'
import { initializeModel } from './initialize.ts'

export interface StudentSize {
  layers: number
  hiddenSize: number
  heads: number
  intermediateSize: number
}

export interface StudentOptions {
  /** of what is fresh; any whole number */
  seed: number
  /** the teacher's layer for each of the student's; evenly spaced */
  layers?: readonly number[]
  /** longest sequence; the teacher's */
  maxPositions?: number
  /** for each word of another vocabulary the rows of the teacher's table whose mean it starts from; none: a fresh row */
  rows?: readonly ArrayLike<number>[]
  /** the padding token's id in that vocabulary, where the family's positions pass over it; the teacher's */
  paddingId?: number
  /** how often each word of the student's vocabulary occurs; without it all count the same */
  frequencies?: ArrayLike<number>
}

export interface Student {
  model: ModelWeights
  /** what was taken from the teacher, a sentence each */
  notes: string[]
}

/** Evenly spaced layers, both ends among them; of one layer the first. */
export function layerMap(teacher: number, student: number): number[] {
  if (student > teacher)
    throw new Error(`student: ${student} layers cannot be taken from a teacher of ${teacher}; start it fresh`)
  const spacing = student > 1 ? (teacher - 1) / (student - 1) : 0
  // halves go down
  return Array.from({ length: student }, (_, i) => Math.max(0, Math.ceil(i * spacing - 0.5)))
}

/**
 * A student of the same labels whose weights come from the teacher where its size allows it.
 *
 * @param teacher in any storage format, with a classifier; it is not changed
 * @throws where the student is wider or deeper than the teacher, or options do not fit it
 * @example
 * const { model } = studentFrom(teacher, { layers: 2, hiddenSize: 128, heads: 4, intermediateSize: 512 }, { seed: 1 })
 */
export function studentFrom(teacher: ModelWeights, size: StudentSize, options: StudentOptions): Student {
  const { config, embeddings } = teacher
  const { width: E } = embeddings.word
  if (size.hiddenSize > config.hiddenSize)
    throw new Error(
      `student: a width of ${size.hiddenSize} cannot be taken from a teacher of ${config.hiddenSize}; start it fresh`,
    )
  const { seed, rows, maxPositions = config.maxPositions } = options
  if (maxPositions > embeddings.position.rows)
    throw new Error(`student: ${maxPositions} positions, the teacher has ${embeddings.position.rows}`)
  const vocabSize = rows?.length ?? embeddings.word.rows
  const own = configInSize(teacher, size, options.paddingId)
  const fresh = initializeModel({ ...own, vocabSize, maxPositions }, seed)
  const tables = {
    word: rows ? meanRows(denseTable(embeddings.word), E, rows) : denseTable(embeddings.word).slice(),
    position: denseTable(embeddings.position).slice(0, maxPositions * E),
    type: denseTable(embeddings.type).slice(),
    ...(embeddings.before && { before: rowsBefore(embeddings.before, own.paddingId!) }),
  }
  const start = startOf(teacher, fresh, tables, options)
  const unknown = rows?.flatMap((ids, word) => (ids.length ? [] : [word])) ?? []
  const [into, from] = [start.model.embeddings.word, fresh.embeddings.word].map(denseTable)
  const { width } = fresh.embeddings.word
  for (const word of unknown) into.set(from.subarray(word * width, (word + 1) * width), word * width)
  if (unknown.length) start.notes.push(`${unknown.length} of ${vocabSize} words start fresh`)
  return start
}

/**
 * The teacher's configuration in another size, and with another padding token where its family's positions pass over one.
 */
export function configInSize(
  { config, embeddings }: ModelWeights,
  size: StudentSize,
  paddingId = config.paddingId,
): BertConfig {
  // heads that were taken out are the teacher's own
  const { prunedHeads: _, ...kept } = config
  const { layerGroups, embeddingSize } = config
  return {
    ...kept,
    ...size,
    ...(config.paddingId !== undefined && { paddingId }),
    ...(layerGroups !== undefined && { layerGroups: Math.min(layerGroups, size.layers) }),
    ...(embeddingSize !== undefined && !embeddings.projection && { embeddingSize: size.hiddenSize }),
    recipe: '',
  }
}

/** The padding token's row behind as many rows of zeros as there are ids below its own. */
function rowsBefore(before: EmbeddingTable, paddingId: number): Float32Array {
  const { width } = before
  const rows = new Float32Array((paddingId + 1) * width)
  rows.set(denseTable(before).subarray((before.rows - 1) * width), paddingId * width)
  return rows
}

function startOf(teacher: ModelWeights, fresh: ModelWeights, tables: Tables, options: StudentOptions): Student {
  const C = teacher.config.hiddenSize
  if (fresh.config.hiddenSize === C) return sameWidth(teacher, fresh, tables, options)
  if (!teacher.embeddings.projection) return narrower(teacher, fresh, tables, options)
  const { projection } = fresh.embeddings
  const { embeddings, ...model } = withTables(fresh, tables, copyNorm(teacher.embeddings.norm))
  return {
    model: { ...model, embeddings: { ...embeddings, ...(projection && { projection }) } },
    notes: ["the embedding tables are the teacher's, the layer after them starts fresh"],
  }
}

type Tables = Record<'word' | 'position' | 'type', Float32Array> & { before?: Float32Array }

function withTables(model: ModelWeights, tables: Tables, norm: Norm): ModelWeights {
  const { width } = model.embeddings.word
  const table = (data: Float32Array): EmbeddingTable => ({ kind: 'f32', rows: data.length / width, width, data })
  const { word, position, type, before } = tables
  const embeddings = {
    word: table(word),
    position: table(position),
    type: table(type),
    norm,
    ...(before && { before: table(before) }),
  }
  return { ...model, embeddings }
}

/** f32 [rows.length, C], C the table's width: means of rows of a table [, C]. */
function meanRows(table: Float32Array, C: number, rows: readonly ArrayLike<number>[]): Float32Array {
  const means = new Float32Array(rows.length * C)
  rows.forEach((ids, row) => {
    for (let i = 0; i < ids.length; i++) {
      if (!(ids[i] >= 0 && (ids[i] + 1) * C <= table.length))
        throw new Error(`student: word ${row} is made of row ${ids[i]}, the teacher has ${table.length / C}`)
      for (let c = 0; c < C; c++) means[row * C + c] += table[ids[i] * C + c] / ids.length
    }
  })
  return means
}

function sameWidth(teacher: ModelWeights, fresh: ModelWeights, tables: Tables, options: StudentOptions): Student {
  const map = options.layers ?? layerMap(teacher.layers.length, fresh.layers.length)
  if (map.length !== fresh.layers.length || map.some((i) => !teacher.layers[i]))
    throw new Error(
      `student: layers = ${map.join(', ')}; expected ${fresh.layers.length} numbers from 0 to ${teacher.layers.length - 1}`,
    )
  const notes = [`layers ${map.join(', ')} of the teacher's ${teacher.layers.length}`]
  const layers = fresh.layers.map((layer, i) => takeLayer(teacher.layers[map[i]], layer, notes))
  const { pooler, classifier, distances } = teacher
  const { projection } = teacher.embeddings
  const { embeddings, ...start } = withTables(fresh, tables, copyNorm(teacher.embeddings.norm))
  const takesDistances = distances && fresh.config.heads === teacher.config.heads
  if (distances && !takesDistances) notes.push(`attention's bias by distance starts fresh`)
  const model = {
    ...start,
    embeddings: { ...embeddings, ...(projection && { projection: copyLinear(projection) }) },
    ...(takesDistances && { distances: distances.slice() }),
    layers,
    pooler: pooler ? copyLinear(pooler) : fresh.pooler,
    classifier: classifier ? copyLinear(classifier) : fresh.classifier,
  }
  return { model, notes: [...new Set(notes)] }
}

/** The halves of a layer that have the size of the student's. */
function takeLayer(from: EncoderLayer, fresh: EncoderLayer, notes: string[]): EncoderLayer {
  const layer = { ...fresh }
  if (from.heads === fresh.heads && from.headSize === fresh.headSize) {
    for (const role of ['query', 'key', 'value', 'attentionOutput'] as const) layer[role] = copyLinear(from[role])
    layer.attentionNorm = copyNorm(from.attentionNorm)
  } else notes.push(`attention starts fresh: ${fresh.heads} heads, not ${from.heads}`)
  const [F, wanted] = [from.intermediate.weight.N, fresh.intermediate.weight.N]
  if (F === wanted) {
    for (const role of ['intermediate', 'output'] as const) layer[role] = copyLinear(from[role])
    layer.outputNorm = copyNorm(from.outputNorm)
  } else notes.push(`feed-forward starts fresh: ${wanted} neurons, not ${F}`)
  return layer
}

const copyNorm = ({ gamma, beta }: Norm): Norm => ({ gamma: gamma.slice(), beta: beta.slice() })

const copyLinear = ({ weight, bias }: LinearLayer): LinearLayer => {
  const { N, K, data } = denseWeight(weight)
  return { weight: { kind: 'f32', N, K, data: data.slice() }, bias: bias ? bias.slice() : new Float32Array(N) }
}

function narrower(teacher: ModelWeights, fresh: ModelWeights, tables: Tables, options: StudentOptions): Student {
  const C = teacher.config.hiddenSize
  const width = fresh.config.hiddenSize
  for (const table of Object.values(tables)) asLayersSee(table, teacher.embeddings.norm.gamma)
  const { projection, kept } = leadingDirections(tables.word, C, width, options)
  const project = (table: Float32Array): Float32Array =>
    Float32Array.from(multiply(view(table, table.length / C, C), view(projection, C, width)))
  const { word, position, type, before } = tables
  const projected: Tables = {
    word: project(word),
    position: project(position),
    type: project(type),
    ...(before && { before: project(before) }),
  }
  // LayerNorm does not see a factor of all tables, Adam does: its steps have one size, and layers are fresh
  const size = (table: Float32Array): number => Math.sqrt(sumOfSquares(table) / table.length)
  const factor = size(denseTable(fresh.embeddings.word)) / size(projected.word)
  for (const table of Object.values(projected)) table.forEach((x, i) => (table[i] = x * factor))
  return {
    model: withTables(fresh, projected, fresh.embeddings.norm),
    notes: [
      `tables projected from ${C} to ${width} dimensions with ${(kept * 100).toFixed(1)} % of the words' squares`,
    ],
  }
}

/** Rows e become gamma * (e - mean e), in place. */
function asLayersSee(table: Float32Array, gamma: Float32Array): void {
  const C = gamma.length
  for (let begin = 0; begin < table.length; begin += C) {
    let mean = 0
    for (let c = 0; c < C; c++) mean += table[begin + c] / C
    for (let c = 0; c < C; c++) table[begin + c] = gamma[c] * (table[begin + c] - mean)
  }
}

/** V^T Q [C, width] as the head of this file has it, and the share of the words' squares that it keeps. */
function leadingDirections(
  words: Float32Array,
  C: number,
  width: number,
  { frequencies, seed }: StudentOptions,
): { projection: Float64Array; kept: number } {
  const count = words.length / C
  if (frequencies && frequencies.length !== count)
    throw new Error(`student: ${frequencies.length} frequencies, the student has ${count} words`)
  const used = Array.from({ length: count }, (_, word) => word).filter((word) => (frequencies?.[word] ?? 1) > 0)
  if (used.length === 0) throw new Error('student: all frequencies are 0; leave them out')
  const weighted = new Float32Array(used.length * C)
  used.forEach((word, row) => {
    const factor = Math.sqrt(frequencies?.[word] ?? 1)
    for (let c = 0; c < C; c++) weighted[row * C + c] = factor * words[word * C + c]
  })
  const squares = gram(transpose(view(weighted, used.length, C)))
  const normal = createRandom(seed).normal
  const R = width - 1
  const V = leadingEigenvectors(squares, C, R, normal)
  const image = multiply(view(V, R, C), view(squares, C, C))
  const sumOver = (length: number, at: (i: number) => number): number =>
    Array.from({ length }, (_, i) => at(i)).reduce((sum, x) => sum + x, 0)
  const kept = sumOver(R * C, (i) => V[i] * image[i]) / sumOver(C, (c) => squares[c * C + c])
  const Q = Float64Array.from({ length: width * width }, (_, i) => (i < width ? 1 : normal()))
  orthonormalize(Q, width, width, normal)
  return { projection: multiply(transpose(view(V, R, C)), view(Q.subarray(width), R, width)), kept }
}
