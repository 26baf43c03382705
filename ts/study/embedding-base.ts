// The texts and the uncompressed model of a study of an embedder, with what its rows are made by: its own vectors are the
// teacher and the measure.

import { createHash } from 'node:crypto'
import type { Device } from '../../kernels/program/device.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { evenly } from '../data/evenly.ts'
import { foldSpace } from '../data/examples.ts'
import { loadTexts } from '../data/unlabelled.ts'
import { densifyModel } from '../compress/densify.ts'
import { rowCosines } from '../evaluation/vectors.ts'
import type { Features } from '../inference/embedder.ts'
import type { Reporter } from '../inference/reporter.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { encodeForVectors, wholeVectors, type VectorRule } from '../inference/whole-vectors.ts'
import type { LoadedModel } from '../model/load.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { vocabularyOf } from '../text/tokenizer-files.ts'
import { calibrate } from '../train/calibrate.ts'
import { openTexts, singleTexts } from '../train/recipe-texts.ts'
import type { Base } from './bases.ts'

export interface EmbeddingTexts {
  train: string[]
  /** what ranks are chosen by */
  validation: string[]
  test: string[]
  /** SHA-256 over all texts in order, first 16 hex digits */
  hash: string
}

/** Texts that calibration reads. */
const CALIBRATION_TEXTS = 512
/** Texts that ranks are chosen by. */
const VALIDATION_TEXTS = 200
/** Fewer have hardly ten neighbours that are near. */
const LEAST_TEST = 50

/**
 * The texts of `data` in parts that share none: test texts are those of `test`, else labelled data's test part, of other texts
 * every tenth; validation texts are taken from the others.
 * @throws where a file cannot be read, or a part is too small
 */
export async function openEmbeddingTexts(
  { data, test, text, label, seed, most }: EmbeddingTextsOptions,
  { weights: { config } }: Pick<LoadedModel, 'weights'>,
  reporter: Reporter,
): Promise<EmbeddingTexts> {
  const options = { seed, ...(text && { text }), ...(label && { label }) }
  const { training, heldOut } = await openTexts(data, options, config, test === undefined, reporter)
  const found = test === undefined ? heldOut : await loadTexts(test, text, [], { isRequired: true })
  const unique = (texts: readonly string[]): string[] => [...new Map(texts.map((of) => [foldSpace(of), of])).values()]
  const tests = evenly(unique(found), most)
  const taken = new Set(found.map(foldSpace))
  const others = createRandom(seed, 'embedding study').shuffle(
    unique(singleTexts(training)).filter((of) => !taken.has(foldSpace(of))),
  )
  const validation = others.slice(0, Math.min(VALIDATION_TEXTS, Math.floor(others.length / 5)))
  const train = others.slice(validation.length)
  if (tests.length < LEAST_TEST || validation.length < LEAST_TEST / 5)
    throw new Error(
      `${data}: ${train.length} training, ${validation.length} validation and ${tests.length} test texts; expected at least ${LEAST_TEST} test texts and as many others`,
    )
  const hash = createHash('sha256')
  for (const part of [train, validation, tests]) hash.update(`${JSON.stringify(part)}\n`)
  return { train, validation, test: tests, hash: hash.digest('hex').slice(0, 16) }
}

export interface EmbeddingTextsOptions {
  data: string
  test?: string
  text?: string
  label?: string
  seed: number
  /** most test texts */
  most: number
}

export interface EmbeddingBaseInput {
  loaded: LoadedModel
  rule: VectorRule
  texts: EmbeddingTexts
  cpu: Device
  threads: number
  /** most tokens of a text */
  tokens: number
  /** training texts that rows trained again learn from; 0: none is */
  taught: number
  reporter: Reporter
  signal?: AbortSignal
}

type Opened = Pick<LoadedModel, 'weights' | 'tokenizerFiles' | 'where'>

/** Token ids of texts by a model's own tokenizer. */
export async function idsOfTexts(
  { rule, tokens }: Pick<EmbeddingBaseInput, 'rule' | 'tokens'>,
  { weights, tokenizerFiles, where }: Opened,
  texts: readonly string[],
): Promise<{ ids: Int32Array[]; tokenizer: Tokenizer }> {
  const tokenizer = await openTokenizer(tokenizerFiles, weights.config, where)
  const limited = { ...rule, maxLength: Math.min(tokens, rule.maxLength) }
  return { ids: encodeForVectors(tokenizer, texts, weights.config, limited).ids, tokenizer }
}

/** The vectors of texts by a model as it is, by its own tokenizer. */
export async function vectorsOfTexts(
  input: Pick<EmbeddingBaseInput, 'cpu' | 'rule' | 'reporter' | 'signal' | 'tokens'>,
  opened: Opened,
  texts: readonly string[],
): Promise<Features> {
  const { cpu, rule, signal, reporter } = input
  const read = await idsOfTexts(input, opened, texts)
  return wholeVectors(cpu, opened.weights, read, rule, { signal, progress: reporter.progress })
}

/** The model as the base of a study's rows. */
export async function embeddingBase(input: EmbeddingBaseInput): Promise<Base> {
  const { loaded, rule, texts, threads, signal, taught } = input
  const { weights, tokenizerFiles } = loaded
  const { ids, tokenizer } = await idsOfTexts(input, loaded, texts.train)
  const examples = (taught > 0 ? evenly(ids, taught) : ids).map((of) => ({ ids: of, label: -1 }))
  const { ids: validationIds } = await idsOfTexts(input, loaded, texts.validation)
  const vectorsOf = (model: ModelWeights, of: Int32Array[], reporter?: Reporter): Promise<Features> =>
    wholeVectors(input.cpu, model, { ids: of, tokenizer }, rule, { signal, progress: reporter?.progress })
  const calibrationOf = (model: ModelWeights) =>
    calibrate(densifyModel(model, { keepsChains: true }).model, evenly(ids, CALIBRATION_TEXTS), {
      signal,
      ...(threads && { threads }),
    })
  const known = new Map<string, Promise<unknown>>()
  const once = <T>(name: string, make: () => Promise<T>): Promise<T> => {
    if (!known.has(name)) known.set(name, make())
    return known.get(name) as Promise<T>
  }
  return {
    id: 'baseline',
    model: weights,
    tokenizerFiles,
    examples,
    vocabulary: vocabularyOf(tokenizer),
    seenIds: new Set(ids.flatMap((sequence) => [...sequence])),
    sampleTexts: texts.validation,
    words: 'as it came',
    seconds: 0,
    isTrained: true,
    validate: async (model) => {
      const own = await once('validation', () => vectorsOf(weights, validationIds))
      const cosines = rowCosines(own, await vectorsOf(model, validationIds))
      return cosines.reduce((sum, x) => sum + x, 0) / cosines.length
    },
    teacherLogits: () => Promise.resolve(null),
    calibration: (model) =>
      model === weights ? once('calibration', () => calibrationOf(weights)) : calibrationOf(model),
    vectors: {
      rule,
      measure: 'mean cosine',
      filesBeside: loaded.filesBeside,
      teacher: async () => {
        if (taught === 0) return null
        const ofExamples = examples.map((example) => example.ids)
        return (await once('teacher', () => vectorsOf(weights, ofExamples, input.reporter))).data
      },
    },
  }
}
