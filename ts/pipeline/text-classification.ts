// text-classification: labels with their scores, of texts and of pairs.

import type { TextInput } from '../inference/batches.ts'
import { rankLabels, type LabelScore } from '../inference/classifier.ts'
import { softmax } from '../model/scores.ts'
import { CALL_OPTIONS, CALL_WITHOUT_MEANING, encodeCall, limitsOf, type CallOptions, type TaskContext } from './call.ts'
import { checkOptions, oneOf, wholeOrNull, type Known } from './options.ts'

export type Classification = LabelScore

export interface ClassifyOptions extends CallOptions {
  /** labels per text, best first; 1 if not given, null for all */
  top_k?: number | null
  /** the same, as older releases of transformers.js have it */
  topk?: number | null
  /** what makes scores of logits; what the model's configuration asks for if not given */
  function_to_apply?: 'softmax' | 'sigmoid' | 'none' | null
}

const KNOWN: Known<ClassifyOptions> = {
  ...CALL_OPTIONS,
  top_k: wholeOrNull(1),
  topk: wholeOrNull(1),
  function_to_apply: oneOf('softmax', 'sigmoid', 'none', null),
}

const FUNCTIONS = {
  softmax,
  sigmoid: (logits: Float32Array): number[] => [...logits].map((x) => 1 / (1 + Math.exp(-x))),
  none: (logits: Float32Array): number[] => [...logits],
}

export function classifierOf({ open, notes }: TaskContext) {
  return async (texts: TextInput | readonly TextInput[], given?: ClassifyOptions) => {
    const options = checkOptions('text-classification', given, KNOWN, CALL_WITHOUT_MEANING, notes)
    const { top_k = options.topk === undefined ? 1 : options.topk, function_to_apply: name } = options
    if (options.topk !== undefined && options.topk !== top_k)
      throw new TypeError(`text-classification: top_k is ${top_k} and topk is ${options.topk}; give one of them`)
    const model = open()
    const encoded = await encodeCall(model, Array.isArray(texts) ? texts : [texts as TextInput], options)
    const logits = await model.logits(encoded, limitsOf(options, model))
    const ranked = rankLabels(model.config, logits, top_k ?? undefined, name ? FUNCTIONS[name] : undefined)
    // as in transformers.js: a list for one text; for several, one each with top_k 1, else a list each
    if (top_k === 1) return ranked.flat()
    return Array.isArray(texts) ? ranked : ranked[0]
  }
}
