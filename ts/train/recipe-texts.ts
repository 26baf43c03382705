// What a recipe's steps learn from texts: the tokens that occur, the sums of what enters every layer, and how much the
// loss depends on every head and neuron.

import { denseTable } from '../compress/dense.ts'
import type { RecipeContext, Step } from '../recipe/apply.ts'
import type { TextNeeds } from '../recipe/step.ts'
import { definitionOf } from '../recipe/steps/index.ts'
import { pruneVocabulary, type VocabularyContext } from '../compress/vocabulary.ts'
import type { Calibration } from '../compress/calibration.ts'
import type { BertConfig } from '../model/config.ts'
import type { ModelWeights } from '../model/weights.ts'
import { preparedTokenizer } from '../text/prepare.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { loadDataset } from '../data/dataset.ts'
import { evenly } from '../data/evenly.ts'
import { textsOfRows } from '../data/examples.ts'
import { readingOf, type TaskOptions } from '../data/prepare.ts'
import { loadTexts } from '../data/unlabelled.ts'
import type { LoadedModel } from '../model/load.ts'
import { openTokenizer, tokenizerOfFiles } from '../inference/tokenizer.ts'
import { vocabularyOf, withVocabulary } from '../text/tokenizer-files.ts'
import { encodeTexts, textsOf, type EncodedTexts, type TextInput } from '../inference/batches.ts'
import { encodeForVectors, vectorRuleOf, type VectorRule } from '../inference/whole-vectors.ts'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { calibrate } from './calibrate.ts'
import { firstOrderImportance } from './importance.ts'

/** Texts to calibrate on; more change the sums little. */
const CALIBRATION_TEXTS = 512
/** Texts that importance is measured on, as in the study. */
const IMPORTANCE_TEXTS = 256
/** One of so many texts without labels is held out where the [UNK] rate is counted. */
const HELD_OUT = 10

export interface RecipeTextsOptions extends TaskOptions {
  /** file, files joined by commas or 'builtin:reviews', with labels or without; without it steps that need texts throw */
  data?: string
  /** file of test texts, of which none is learned from; without it a fifth of labelled data */
  test?: string
  text?: string
  label?: string
  seed: number
  /** CPU threads; the trainer's own choice where not given */
  threads?: number
  reporter?: Reporter
}

const learn = (steps: readonly Step[], what: keyof TextNeeds): boolean =>
  steps.some((step) => definitionOf(step).texts(step)[what])

/** Which step cannot do without texts, in words; null where all can. */
export function textsWanted(steps: readonly Step[]): string | null {
  for (const step of steps) {
    const { tokens, inputs } = definitionOf(step).texts(step)
    if (tokens === 'needed') return `the step ${step.text} keeps the tokens of texts`
    if (inputs === 'needed') return `the step ${step.text} needs texts to run through the layers`
  }
  return null
}

/** The texts' part of a recipe's context. @throws where a step needs texts and there are none */
export async function recipeTexts(
  loaded: LoadedModel,
  steps: readonly Step[],
  options: RecipeTextsOptions,
): Promise<Omit<RecipeContext, 'seed'>> {
  const { data, reporter = SILENT } = options
  if (data === undefined) {
    const wanted = textsWanted(steps)
    if (wanted) throw new Error(`recipe: ${wanted}; give data`)
    return {}
  }
  const isCut = learn(steps, 'tokens')
  const [isCalibrated, hasImportance] = [learn(steps, 'inputs'), learn(steps, 'importance')]
  if (!isCut && !isCalibrated && !hasImportance) {
    reporter.note(`${data}: no step of this recipe learns from these texts`)
    return {}
  }
  const { tokenizerFiles, weights, where } = loaded
  const tokenizer = await openTokenizer(tokenizerFiles, weights.config, where)
  const vectors = weights.classifier ? null : await vectorRuleOf(loaded)
  const { training, heldOut } = await openTexts(data, options, weights.config, isCut || vectors !== null, reporter)
  const encoded = vectors
    ? encodeForVectors(tokenizer, singleTexts(training), weights.config, vectors)
    : encodeTexts(tokenizer, training, weights.config.maxPositions)
  const context: Omit<RecipeContext, 'seed'> = vocabularyContext(loaded, tokenizer, encoded.ids, heldOut)
  if (hasImportance) context.measureImportance = importanceOn(weights, context, encoded, { isCut, vectors }, options)
  if (isCalibrated) context.calibration = await calibrateOn(weights, encoded, options)
  return context
}

/** Both texts of a pair, each by itself: an embedder reads one at a time. */
export const singleTexts = (inputs: readonly TextInput[]): string[] =>
  inputs.flatMap((input, i) => textsOf(input, i).filter((text) => text !== undefined))

/** What the step `vocab` needs: the tokens that occur, and how a cut vocabulary reads the texts held out. */
function vocabularyContext(
  { weights, tokenizerFiles }: LoadedModel,
  tokenizer: Tokenizer,
  ids: readonly Int32Array[],
  sampleTexts: string[],
): VocabularyContext {
  const { maxPositions, lowercase, preparation } = weights.config
  return {
    vocabulary: vocabularyOf(tokenizer),
    keepIds: new Set(ids.flatMap((sequence) => [...sequence])),
    sampleTexts,
    encoder: (tokens: readonly string[]) => {
      const files = withVocabulary(tokenizerFiles, [...tokens], lowercase)
      const cut = preparedTokenizer(tokenizerOfFiles(files, weights.config, 'the step vocab'), preparation)
      return (text: string) => cut.encode(text, maxPositions)
    },
  }
}

/** Importance on some of the texts, also of a model whose vocabulary was cut: all their tokens are kept then. */
function importanceOn(
  weights: ModelWeights,
  { vocabulary, keepIds }: Omit<RecipeContext, 'seed'>,
  encoded: EncodedTexts,
  { isCut, vectors }: { isCut: boolean; vectors: VectorRule | null },
  { threads, seed }: RecipeTextsOptions,
): RecipeContext['measureImportance'] {
  const sequences = evenly(encoded.ids, IMPORTANCE_TEXTS)
  const types = encoded.types && evenly(encoded.types, IMPORTANCE_TEXTS)
  const newIds = isCut ? pruneVocabulary(weights, { vocabulary: vocabulary!, keepIds: keepIds! }).idMap : null
  return (current) => {
    const isOriginal = current.config.vocabSize === weights.config.vocabSize || !newIds
    const own = isOriginal ? sequences : sequences.map((sequence) => sequence.map((id) => newIds[id]))
    const word = { ...current.embeddings.word, kind: 'f32' as const, data: denseTable(current.embeddings.word) }
    const dense = { ...current, embeddings: { ...current.embeddings, word } }
    const asked = { ...(types && { types }), ...(threads && { threads }), ...(vectors && { vectors, seed }) }
    return firstOrderImportance(dense, own, asked)
  }
}

async function calibrateOn(
  weights: ModelWeights,
  { ids, types }: EncodedTexts,
  { threads, reporter = SILENT }: RecipeTextsOptions,
): Promise<Calibration> {
  const sequences = evenly(ids, CALIBRATION_TEXTS)
  reporter.stage(`calibrating on ${sequences.length} texts`)
  const { progress } = reporter
  const calibration = await calibrate(weights, sequences, {
    ...(types && { types: evenly(types, CALIBRATION_TEXTS) }),
    ...(threads && { threads }),
    progress,
  })
  reporter.done()
  return calibration
}

/**
 * Texts to learn from, and others. Of rows with labels they are the training and the test part of `train` with the same
 * seed; texts without labels are all to learn from, but for every tenth where `isSampled`.
 * @throws where the data can be read neither with labels nor without
 */
export async function openTexts(
  source: string,
  options: Pick<RecipeTextsOptions, keyof TaskOptions | 'text' | 'label' | 'test' | 'seed'>,
  model: BertConfig,
  isSampled: boolean,
  reporter: Reporter,
): Promise<{ training: TextInput[]; heldOut: string[] }> {
  const { text, textPair, label, test, seed } = options
  try {
    const data = await loadDataset(source, { ...readingOf(options, model), seed, ...(test && { test }) })
    for (const note of data.notes) reporter.note(note)
    reporter.note(
      `${source}: ${data.train.length} training texts; the ${data.test.length} of the test part are not read`,
    )
    return { training: data.train, heldOut: textsOfRows(data.test) }
  } catch (error) {
    // nothing here needs labels: what has none that could be trained on is read as texts alone
    if ((label ?? textPair) !== undefined || source.startsWith('builtin:')) throw error
    const notes: string[] = []
    const texts = await loadTexts(source, text, notes, { isRequired: true })
    for (const note of notes) reporter.note(note)
    const isHeld = (i: number): boolean => isSampled && i % HELD_OUT === HELD_OUT - 1
    const heldOut = texts.filter((_, i) => isHeld(i))
    reporter.note(`${source}: ${texts.length} texts without labels, ${heldOut.length} of them held out`)
    return { training: texts.filter((_, i) => !isHeld(i)), heldOut }
  }
}
