// zero-shot-classification: a model that was trained to say whether one text follows from another says which label suits.

import type { TextPair } from '../inference/batches.ts'
import { softmax } from '../model/scores.ts'
import { CALL_OPTIONS, CALL_WITHOUT_MEANING, encodeCall, limitsOf, type CallOptions, type TaskContext } from './call.ts'
import { boolean, checkOptions, type Known } from './options.ts'

export interface ZeroShotOptions extends CallOptions {
  /** '{}' is where a label is put; 'This example is {}.' if not given */
  hypothesis_template?: string
  /** several labels may hold, so that each has a score by itself; false if not given */
  multi_label?: boolean
}

export interface ZeroShotResult {
  sequence: string
  /** best first */
  labels: string[]
  scores: number[]
}

const KNOWN: Known<ZeroShotOptions> = {
  ...CALL_OPTIONS,
  hypothesis_template: (value) =>
    typeof value === 'string' && value.includes('{}') ? null : 'a text with {} where the label is put',
  multi_label: boolean,
}

/** The output that says that the second text follows, and the one that says the opposite. */
function outputsOf(labels: readonly string[]): { entailment: number; contradiction: number } {
  const entailment = labels.findIndex((label) => label.toLowerCase().startsWith('entail'))
  if (entailment < 0 || labels.length < 2)
    throw new Error(
      `zero-shot-classification: the model's labels are ${labels.join(', ')}, expected one that begins with 'entail' among two or more; use a model trained on natural language inference`,
    )
  return { entailment, contradiction: entailment === 0 ? labels.length - 1 : 0 }
}

/** @throws where the model has no label of entailment */
export function zeroShotOf({ open, notes }: TaskContext) {
  const { entailment, contradiction } = outputsOf(open().config.labels)
  return async (texts: string | readonly string[], candidates: string | readonly string[], given?: ZeroShotOptions) => {
    const options = checkOptions('zero-shot-classification', given, KNOWN, CALL_WITHOUT_MEANING, notes)
    const { hypothesis_template: template = 'This example is {}.', multi_label = false } = options
    const sequences = (Array.isArray(texts) ? [...(texts as readonly string[])] : [texts]) as string[]
    const labels = labelsOf(candidates)
    const pairs = sequences.flatMap((text): TextPair[] =>
      labels.map((label) => ({ text, text_pair: template.replaceAll('{}', () => label) })),
    )
    const model = open()
    const encoded = await encodeCall(model, pairs, options, undefined, 'only_first')
    const logits = await model.logits(encoded, limitsOf(options, model))
    const width = model.config.labels.length
    const results = sequences.map((sequence, i): ZeroShotResult => {
      const rows = labels.map((_, n) =>
        logits.subarray((i * labels.length + n) * width, (i * labels.length + n + 1) * width),
      )
      const scores =
        multi_label || labels.length === 1
          ? rows.map((row) => softmax(Float32Array.of(row[contradiction], row[entailment]))[1])
          : softmax(Float32Array.from(rows, (row) => row[entailment]))
      const order = labels.map((_, n) => n).sort((a, b) => scores[b] - scores[a])
      return { sequence, labels: order.map((n) => labels[n]), scores: order.map((n) => scores[n]) }
    })
    return Array.isArray(texts) ? results : results[0]
  }
}

function labelsOf(candidates: string | readonly string[]): string[] {
  const labels = typeof candidates === 'string' ? candidates.split(',').map((label) => label.trim()) : candidates
  if (
    !Array.isArray(labels) ||
    labels.length === 0 ||
    !labels.every((label) => typeof label === 'string' && label !== '')
  )
    throw new TypeError(
      'zero-shot-classification: the candidate labels are not a list of texts; give them as the second argument, such as ["sport", "politics"]',
    )
  return [...(labels as string[])]
}
