// The layers that a budget decides about: every format to store each with its bytes and error, and the model made of a choice.

import type { EmbeddingTable, LinearWeight } from '../../kernels/program/weights.ts'
import type { InputSums } from '../compress/calibration.ts'
import { correctedBias } from '../compress/bias.ts'
import { breathe, requireDense } from '../compress/dense.ts'
import {
  layerInputs,
  linearCandidates,
  tableCandidates,
  type Candidate,
  type LayerInputs,
} from '../compress/sensitivity.ts'
import { familyOf } from '../families/index.ts'
import {
  appliedLayers,
  LAYER_LINEARS,
  linearLayers,
  type EncoderLayer,
  type LayerLinear,
  type LinearLayer,
  type ModelWeights,
} from '../model/weights.ts'
import { calibrate } from '../train/calibrate.ts'
import type { BudgetTexts } from './texts.ts'
import type { Reporter } from '../inference/reporter.ts'

type MeanInputs = Pick<InputSums, 'sum' | 'rows'>

/** One layer with the formats it can be stored in. */
export interface BudgetLayer {
  stem: string
  role: LayerLinear | 'pooler' | 'word'
  candidates: Candidate<LinearWeight | EmbeddingTable>[]
  /** null of the word table */
  linear: { N: number; K: number; uses: readonly LayerUse[]; layer: LinearLayer; inputs: MeanInputs } | null
}

/** How often one text runs through a layer with so many rows. */
export interface LayerUse {
  M: number
  times: number
}

export interface BudgetLayersInput {
  /** dense f32, with or without a classifier */
  model: ModelWeights
  texts: Pick<BudgetTexts, 'calibration'>
  /** of the text that times are of */
  tokens: number
  /** for the calibration; 0 for the trainer's own choice */
  threads: number
  reporter: Reporter
  signal?: AbortSignal
}

/** Every layer's candidates. The calibration is given up layer by layer: its Gram matrices are larger than the model. */
export async function budgetLayers(input: BudgetLayersInput): Promise<BudgetLayer[]> {
  const { model, texts, tokens, threads, reporter, signal } = input
  for (const { stem, linear } of linearLayers(model)) requireDense(linear.weight, stem, 'a budget')
  reporter.stage(`calibrating on ${texts.calibration.length} texts`)
  const calibration = await calibrate(model, texts.calibration, {
    ...(threads && { threads }),
    ...(signal && { signal }),
    progress: reporter.progress,
  })
  reporter.done()
  const counts = new Float64Array(model.embeddings.word.rows)
  for (const ids of texts.calibration) for (const id of ids) counts[id]++
  const groups: BudgetLayer[] = [
    {
      stem: familyOf(model.config).tensors.word,
      role: 'word',
      candidates: tableCandidates(model.embeddings.word, counts),
      linear: null,
    },
  ]
  reporter.stage('output errors of every format')
  const linears = [...linearLayers(model)]
  // query, key and value share their inputs and come one after another
  const last: { sums?: InputSums; inputs?: LayerInputs } = {}
  for (const [i, { stem, layer, role, linear }] of linears.entries()) {
    signal?.throwIfAborted()
    const sums = calibration.get(stem)!
    calibration.delete(stem)
    if (role === 'classifier' || role === 'projection') continue
    if (last.sums !== sums) Object.assign(last, { sums, inputs: layerInputs(sums) })
    const inputs = last.inputs!
    const weight = requireDense(linear.weight, stem, 'a budget')
    const only = role === 'pooler' ? 'plain' : 'all'
    groups.push({
      stem,
      role,
      candidates: linearCandidates(weight, stem, inputs, only),
      linear: {
        N: weight.N,
        K: weight.K,
        uses: usesOf(model, layer, role, tokens),
        layer: linear,
        inputs: { sum: sums.sum, rows: sums.rows },
      },
    })
    reporter.progress(i + 1, linears.length)
    await breathe()
  }
  reporter.done()
  return groups
}

/**
 * Rows that a linear sees of one text, each time that it is applied: under a classifier the last layer works on the [CLS] row
 * alone after its attention, and an embedder does not run its pooler.
 */
function usesOf(model: ModelWeights, layer: number | null, role: LayerLinear | 'pooler', tokens: number): LayerUse[] {
  const { config, layers, classifier } = model
  if (layer === null) return classifier ? [{ M: 1, times: 1 }] : []
  const applied = appliedLayers({ config, layers: [...layers.keys()] })
  const isAfter = role === 'attentionOutput' || role === 'intermediate' || role === 'output'
  const isLast = classifier !== null && isAfter && applied.at(-1) === layer
  const times = applied.filter((other) => other === layer).length - (isLast ? 1 : 0)
  return [...(times > 0 ? [{ M: tokens, times }] : []), ...(isLast ? [{ M: 1, times: 1 }] : [])]
}

/** The model with every layer in its chosen format, biases corrected for the mean input. */
export function assemble(
  model: ModelWeights,
  groups: readonly BudgetLayer[],
  chosen: readonly number[],
  text: string,
): ModelWeights {
  const changed = new Map<LinearLayer, LinearLayer>()
  let { word } = model.embeddings
  groups.forEach(({ linear, candidates }, g) => {
    const weight = candidates[chosen[g]].make()
    if (!linear) word = weight as EmbeddingTable
    else {
      const { layer, inputs } = linear
      const made = weight as LinearWeight
      changed.set(layer, made === layer.weight ? layer : { weight: made, bias: correctedBias(layer, made, inputs) })
    }
  })
  const layers = model.layers.map((layer): EncoderLayer => {
    const copy = { ...layer }
    for (const role of LAYER_LINEARS) copy[role] = changed.get(layer[role])!
    return copy
  })
  return {
    ...model,
    config: { ...model.config, recipe: [model.config.recipe, text].filter(Boolean).join('+') },
    embeddings: { ...model.embeddings, word },
    layers,
    pooler: model.pooler && changed.get(model.pooler)!,
  }
}
