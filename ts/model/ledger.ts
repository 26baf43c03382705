// The byte ledger: where a model's bytes are. It adds up to the tensors exactly, and with the header to the file.

import type { ModelFiles } from '../io/folder.ts'
import { headerBytesOf, type SafetensorsFile } from '../io/safetensors.ts'
import { canonicalName } from '../families/names.ts'
import { parseConfig, type ParsedConfig } from './config-json.ts'
import { openParts, settleOptionalParts } from './parts.ts'
import { modelTensors } from './save.ts'
import {
  linearShapes,
  shapeOfModel,
  slotBytes,
  tensorSlots,
  type ModelShape,
  type PlannedLeaf,
  type TensorGroup,
  type TensorSlot,
} from './shape.ts'
import type { ModelWeights } from './weights.ts'

export interface LedgerGroup {
  /** 'scales': what quantization and sparsity add beside the values: scales, offsets, masks */
  name: TensorGroup | 'scales' | 'other' | 'header'
  bytes: number
  /** model parameters: stored weights and biases */
  params: number
  /** how the group's weights are stored, e.g. 'f32', 'int8', 'f32 + int8-1x4'; 'json' for the header */
  kind: string
}

export interface Ledger {
  bytes: number
  params: number
  groups: LedgerGroup[]
}

const ORDER: LedgerGroup['name'][] = [
  'word',
  'position',
  'type',
  'projection',
  'distances',
  'attention',
  'ffn',
  'norms',
  'pooler',
  'classifier',
  'scales',
  'other',
  'header',
]

interface Line {
  group: LedgerGroup['name']
  bytes: number
  params: number
  kind: string
  /** biases and norms do not decide what a group of weights is called */
  isVector: boolean
}

function addUp(lines: Iterable<Line>): Ledger {
  const groups = new Map<string, { bytes: number; params: number; kinds: Set<string>; vectors: Set<string> }>()
  for (const { group, bytes, params, kind, isVector } of lines) {
    let sum = groups.get(group)
    if (!sum) groups.set(group, (sum = { bytes: 0, params: 0, kinds: new Set(), vectors: new Set() }))
    sum.bytes += bytes
    sum.params += params
    const kinds = isVector ? sum.vectors : sum.kinds
    kinds.add(kind)
  }
  const rows: LedgerGroup[] = []
  for (const name of ORDER) {
    const sum = groups.get(name)
    if (!sum) continue
    const { bytes, params, kinds, vectors } = sum
    rows.push({ name, bytes, params, kind: [...(kinds.size ? kinds : vectors)].join(' + ') })
  }
  return {
    bytes: rows.reduce((sum, row) => sum + row.bytes, 0),
    params: rows.reduce((sum, row) => sum + row.params, 0),
    groups: rows,
  }
}

const lineOf = (slot: TensorSlot): Line => {
  const bytes = slotBytes(slot)
  if (slot.params === 0)
    return { group: 'scales', bytes, params: 0, kind: slot.dtype === 'U8' ? 'mask' : 'f32', isVector: false }
  const isVector = slot.group === 'norms' || slot.name.endsWith('.bias')
  return { group: slot.group, bytes, params: slot.params, kind: slot.kind, isVector }
}

const header = (bytes: number): Line => ({ group: 'header', bytes, params: 0, kind: 'json', isVector: false })

/** The slots that a file would hold: factors that layers share once. */
function storedSlots(shape: ModelShape): TensorSlot[] {
  const seen = new Set<string>()
  const skip = new Set<string>()
  for (const { stem, linear } of linearShapes(shape)) {
    if (linear.weight.kind !== 'chain') continue
    for (const [i, factor] of (linear.weight.factors as PlannedLeaf[]).entries()) {
      if (factor.shared === undefined) continue
      // of a mixed factor the basis is shared, how it is mixed is each layer's own
      if (seen.has(factor.shared)) skip.add(`${stem}.factors.${i}.${factor.kind === 'mixed' ? 'weight.basis' : ''}`)
      seen.add(factor.shared)
    }
  }
  return [...tensorSlots(shape)].filter(({ name }) => {
    const factor = /^.*\.factors\.\d+\./.exec(name)
    return !factor || !(skip.has(factor[0]) || skip.has(name))
  })
}

export interface LedgerOptions {
  /** count the header of the file that `saveModel` would write; false if not given: the sum of the tensors */
  header?: boolean
}

const ledgerOfSlots = (slots: TensorSlot[], { header: isCounted }: LedgerOptions): Ledger =>
  addUp([...slots.map(lineOf), ...(isCounted ? [header(headerBytesOf(slots))] : [])])

/** The ledger of a model in memory: the bytes that `saveModel` writes as tensors. */
export function ledgerOfModel(model: ModelWeights, options: LedgerOptions = {}): Ledger {
  const stored = new Set(modelTensors(model).tensors.map(({ name }) => name))
  return ledgerOfSlots(
    [...tensorSlots(shapeOfModel(model))].filter(({ name }) => stored.has(name)),
    options,
  )
}

/** The same of a model that need not exist. */
export const ledgerOfShape = (shape: ModelShape, options: LedgerOptions = {}): Ledger =>
  ledgerOfSlots(storedSlots(shape), options)

/**
 * The ledger of a model's files, of which only config.json and the headers are read; the headers are a row of it.
 *
 * @param become what is made of the files' model: the ledger is then of that shape, as of any other
 */
export async function ledgerOfFiles(
  files: ModelFiles,
  become?: (shape: ModelShape) => ModelShape,
  options: LedgerOptions = {},
): Promise<Ledger> {
  const config = await files.text('config.json')
  if (config === null) throw new Error(`${files.where}: config.json is missing; expected a Hugging Face model folder`)
  const parsed = await parseConfig(config, `${files.where}: config.json`)
  const parts = await openParts(files)
  try {
    const names = new Set<string>()
    for (const part of parts)
      for (const name of part.tensors.keys()) names.add(canonicalName(parsed.family, name) ?? name)
    settleOptionalParts(parsed, names, 'optional')
    return become ? ledgerOfShape(become(parsed.shape), options) : addUp(fileLines(parts, parsed))
  } finally {
    for (const part of parts) await part.source.close()
  }
}

function* fileLines(parts: SafetensorsFile[], { shape, family }: ParsedConfig): Generator<Line> {
  const slots = new Map([...tensorSlots(shape)].map((slot) => [slot.name, slot]))
  for (const part of parts) {
    yield header(part.headerBytes)
    for (const { name, length, dtype, shape: dims } of part.tensors.values()) {
      const slot = slots.get(canonicalName(family, name) ?? name)
      if (slot) yield { ...lineOf(slot), bytes: length }
      else {
        const params = /^[FB]/.test(dtype) ? dims.reduce((product, dim) => product * dim, 1) : 0
        yield { group: 'other', bytes: length, params, kind: dtype.toLowerCase(), isVector: false }
      }
    }
  }
}
