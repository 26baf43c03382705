// `evaluate EMBEDDER --against MODEL`: the vectors of one embedder beside those of another on the same texts.

import { loadTexts } from '../data/unlabelled.ts'
import { loadRows } from '../data/rows.ts'
import { compareVectors, type VectorScores } from '../evaluation/vectors.ts'
import { openDevice, type DeviceChoice } from '../inference/devices.ts'
import type { Features } from '../inference/embedder.ts'
import type { Reporter } from '../inference/reporter.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { encodeForVectors, vectorRuleOf, wholeVectors } from '../inference/whole-vectors.ts'
import { loadModel } from '../model/load.ts'

export interface EvaluateVectorsOptions {
  /** file or files of texts, or a data set that has a name, whose test texts are taken */
  data: string
  /** column with the text; detected where not given */
  text?: string
  seed: number
  device?: DeviceChoice
  threads?: number
  reporter: Reporter
}

/** @throws where a model's vectors are not computed here, or there are not more texts than neighbours */
export async function evaluateVectors(
  source: string,
  against: string,
  options: EvaluateVectorsOptions,
): Promise<VectorScores & { seconds: number; pooling: string; poolingOfOther: string }> {
  const { data, text, seed, reporter } = options
  const notes: string[] = []
  const texts = data.startsWith('builtin:')
    ? (await loadRows(data, { seed })).rows.map((row) => row.text)
    : await loadTexts(data, text, notes, { isRequired: true })
  for (const note of notes) reporter.note(note)
  const { device } = await openDevice({ device: options.device, threads: options.threads })
  const vectorsOf = async (model: string): Promise<{ features: Features; pooling: string }> => {
    const loaded = await loadModel(model)
    const rule = await vectorRuleOf(loaded)
    if (rule.refused !== null) throw new Error(`${model}: ${rule.refused}`)
    const tokenizer = await openTokenizer(loaded.tokenizerFiles, loaded.weights.config, loaded.where)
    const { ids, truncated } = encodeForVectors(tokenizer, texts, loaded.weights.config, rule)
    if (truncated > 0) reporter.note(`${model}: ${truncated} of ${texts.length} texts lost their end`)
    reporter.stage(`vectors of ${model}`)
    const features = await wholeVectors(device, loaded.weights, { ids, tokenizer }, rule, {
      progress: reporter.progress,
    })
    reporter.done()
    return { features, pooling: `${rule.pooling}${rule.normalize ? ', normalized' : ''}` }
  }
  try {
    const other = await vectorsOf(against)
    const began = performance.now()
    const own = await vectorsOf(source)
    const seconds = (performance.now() - began) / 1000
    const scores = compareVectors(other.features, own.features, { seed })
    return { ...scores, seconds, pooling: own.pooling, poolingOfOther: other.pooling }
  } finally {
    await device.dispose()
  }
}
