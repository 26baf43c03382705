// What a compression costs an embedder: its vectors beside those of the uncompressed model, on texts that no step learned from.

import { evenly } from '../data/evenly.ts'
import { loadTexts } from '../data/unlabelled.ts'
import type { TaskOptions } from '../data/prepare.ts'
import { compareVectors, type VectorScores } from '../evaluation/vectors.ts'
import { openDevice } from '../inference/devices.ts'
import type { Features } from '../inference/embedder.ts'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { encodeForVectors, vectorRuleOf, wholeVectors } from '../inference/whole-vectors.ts'
import type { LoadedModel } from '../model/load.ts'
import type { ModelWeights } from '../model/weights.ts'
import { openTexts } from '../train/recipe-texts.ts'
import { vectorWords } from './scores.ts'

export interface VectorTextsOptions extends TaskOptions {
  data?: string
  test?: string
  text?: string
  label?: string
  seed: number
}

/** Texts to measure with; or why there are none. */
export interface VectorTexts {
  texts: string[]
  /** where they come from, or why there are none */
  words: string
}

/** More tell no more than a point of a hundred. */
const MOST_TEXTS = 2000
/** Fewer have hardly ten neighbours that are near. */
const LEAST_TEXTS = 50

/** The texts of --test, or those of --data that no step learns from: labelled ones' test part, every tenth of others. */
export async function openVectorTexts(
  { weights: { config } }: Pick<LoadedModel, 'weights'>,
  options: VectorTextsOptions,
): Promise<VectorTexts> {
  const { data, test, text } = options
  const none = (why: string): VectorTexts => ({ texts: [], words: `quality was not measured: ${why}` })
  if (test === undefined && data === undefined)
    return none('give texts, one a line or a column, with --data FILE or --test FILE')
  const found =
    test === undefined
      ? (await openTexts(data!, options, config, true, SILENT)).heldOut
      : await loadTexts(test, text, [], { isRequired: true })
  const source = test === undefined ? `texts of ${data} that no step learned from` : `texts of ${test}`
  const texts = evenly([...new Set(found)], MOST_TEXTS)
  if (texts.length < LEAST_TEXTS)
    return none(`${texts.length} ${source} are too few to have near neighbours; at least ${LEAST_TEXTS} are needed`)
  return { texts, words: source }
}

export interface VectorQuality extends VectorScores {
  from: string
  /** how a text's rows became its vector */
  pooling: string
}

/** A model, and its tokenizer's files. */
interface Written {
  model: ModelWeights
  files: Record<string, string>
}

/** The vectors of both models compared, on the CPU: the numbers, and lines for people. */
export async function describeVectors(
  loaded: Pick<LoadedModel, 'weights' | 'tokenizerFiles' | 'where' | 'filesBeside'>,
  after: Written,
  { texts, words }: VectorTexts,
  { seed, threads, reporter = SILENT }: { seed: number; threads?: number; reporter?: Reporter },
): Promise<{ quality: VectorQuality | null; lines: string[] }> {
  if (texts.length === 0) return { quality: null, lines: [words] }
  const { weights, tokenizerFiles, where } = loaded
  const rule = await vectorRuleOf(loaded)
  if (rule.refused !== null) return { quality: null, lines: [`quality was not measured: ${rule.refused}`] }
  const { device } = await openDevice({ device: 'cpu', threads })
  const vectorsOf = async ({ model, files }: Written): Promise<Features> => {
    const tokenizer = await openTokenizer(files, model.config, where)
    const { ids } = encodeForVectors(tokenizer, texts, model.config, rule)
    return wholeVectors(device, model, { ids, tokenizer }, rule, { progress: reporter.progress })
  }
  try {
    reporter.stage('vectors of both models')
    const [first, second] = [await vectorsOf({ model: weights, files: tokenizerFiles }), await vectorsOf(after)]
    reporter.done()
    const pooling = `${rule.pooling}${rule.normalize ? ', normalized' : ''}`
    const quality = { ...compareVectors(first, second, { seed }), from: words, pooling }
    return {
      quality,
      lines: vectorLines(quality, `vectors beside those of the uncompressed model, on ${texts.length} ${words}`),
    }
  } finally {
    await device.dispose()
  }
}

/** Both measures with their intervals, after what they are of. */
export const vectorLines = (scores: VectorScores, what: string): string[] => [
  `${what}, with 95 % intervals:`,
  ...vectorWords(scores),
]
