// What a recipe's steps learn from texts: the tokens that occur, the sums of what enters every layer, and how much the
// loss depends on every head and neuron.

import { denseTable } from '../compress/dense.ts'
import type { RecipeContext, Step } from '../recipe/apply.ts'
import { definitionOf } from '../recipe/steps/index.ts'
import type { TextNeeds } from '../recipe/step.ts'
import { pruneVocabulary } from '../compress/vocabulary.ts'
import { loadDataset } from '../data/dataset.ts'
import { loadTexts } from '../data/unlabelled.ts'
import type { LoadedModel } from '../model/load.ts'
import { preparedTokenizer } from '../text/prepare.ts'
import { openTokenizer, tokenizerOfFiles } from '../inference/tokenizer.ts'
import { vocabularyOf, withVocabulary } from '../text/tokenizer-files.ts'
import { encodeTexts } from '../inference/batches.ts'
import type { Reporter } from '../inference/reporter.ts'
import { calibrate } from '../train/calibrate.ts'
import { firstOrderImportance } from '../train/importance.ts'
import { UsageError } from './failure.ts'

/** Texts to calibrate on; more change the sums little. */
const CALIBRATION_TEXTS = 512
/** Texts that importance is measured on, as in the study. */
const IMPORTANCE_TEXTS = 256
/** One of so many texts without labels is held out where the [UNK] rate is counted. */
const HELD_OUT = 10

interface TextFlags {
  data?: string
  text?: string
  label?: string
  seed: number
  threads?: number
}

/** The texts' part of a recipe's context. @throws where a step needs texts and there are none */
export async function recipeTexts(
  loaded: LoadedModel,
  steps: readonly Step[],
  flags: TextFlags,
  reporter: Reporter,
): Promise<Omit<RecipeContext, 'seed'>> {
  const learns = (what: keyof TextNeeds): boolean => steps.some((step) => definitionOf(step).texts(step)[what])
  const [isCut, isCalibrated, hasImportance] = [learns('tokens'), learns('inputs'), learns('importance')]
  if (!flags.data) {
    const where = 'give them with --data FILE'
    for (const step of steps) {
      const { tokens, inputs } = definitionOf(step).texts(step)
      if (tokens === 'needed') throw new UsageError(`the step ${step.text} keeps the tokens of texts: ${where}`)
      if (inputs === 'needed')
        throw new UsageError(`the step ${step.text} needs texts to run through the layers: ${where}`)
    }
    return {}
  }
  if (!isCut && !isCalibrated && !hasImportance) {
    reporter.note(`${flags.data} is not read: no step of this recipe learns from texts`)
    return {}
  }
  const { weights, tokenizerFiles } = loaded
  const { maxPositions, lowercase, preparation } = weights.config
  const tokenizer = await openTokenizer(tokenizerFiles, weights.config, loaded.where)
  const { training, heldOut } = await openTexts(flags.data, flags, isCut, reporter)
  const { ids } = encodeTexts(tokenizer, training, maxPositions)
  const vocabulary = {
    vocabulary: vocabularyOf(tokenizer),
    keepIds: new Set(ids.flatMap((sequence) => [...sequence])),
    sampleTexts: heldOut,
    encoder: (tokens: string[]) => {
      const files = withVocabulary(tokenizerFiles, tokens, lowercase)
      const cut = preparedTokenizer(tokenizerOfFiles(files, weights.config, 'the step vocab'), preparation)
      return (text: string) => cut.encode(text, maxPositions)
    },
  }
  const context: Omit<RecipeContext, 'seed'> = { ...vocabulary }
  const threads = flags.threads ? { threads: flags.threads } : {}
  if (hasImportance) {
    const sequences = evenly(ids, IMPORTANCE_TEXTS)
    // all their tokens are kept
    const { keepIds } = vocabulary
    const newIds = isCut ? pruneVocabulary(weights, { vocabulary: vocabulary.vocabulary, keepIds }).idMap : null
    context.measureImportance = (current) => {
      const isOriginal = current.config.vocabSize === weights.config.vocabSize || !newIds
      const own = isOriginal ? sequences : sequences.map((sequence) => sequence.map((id) => newIds[id]))
      const word = { ...current.embeddings.word, kind: 'f32' as const, data: denseTable(current.embeddings.word) }
      return firstOrderImportance({ ...current, embeddings: { ...current.embeddings, word } }, own, threads)
    }
  }
  if (isCalibrated) {
    const sequences = evenly(ids, CALIBRATION_TEXTS)
    reporter.stage(`calibrating on ${sequences.length} texts`)
    context.calibration = await calibrate(weights, sequences, {
      ...threads,
      progress: (done, total) => reporter.progress(done, total),
    })
    reporter.done()
  }
  return context
}

/** At most `count`, evenly over a file whose rows may come by label. */
function evenly<T>(all: readonly T[], count: number): T[] {
  const kept = Math.min(count, all.length)
  return Array.from({ length: kept }, (_, i) => all[Math.floor((i * all.length) / kept)])
}

/**
 * Texts to learn from, and others. Of rows with labels they are the training and the test part of `train` with the same
 * seed; texts without labels are all to learn from, but for every tenth where `isSampled`.
 * @throws where the data cannot be read either way
 */
async function openTexts(
  source: string,
  { text, label, seed }: TextFlags,
  isSampled: boolean,
  reporter: Reporter,
): Promise<{ training: string[]; heldOut: string[] }> {
  try {
    const data = await loadDataset(source, { ...(text && { text }), ...(label && { label }), seed })
    for (const note of data.notes) reporter.note(note)
    const textsOf = (rows: { text: string }[]): string[] => rows.map((row) => row.text)
    reporter.note(
      `${source}: ${data.train.length} training texts; the ${data.test.length} of the test part are not read`,
    )
    return { training: textsOf(data.train), heldOut: textsOf(data.test) }
  } catch (error) {
    // nothing here needs labels: what has none that could be trained on is read as texts alone
    if (label !== undefined || source.startsWith('builtin:')) throw error
    const notes: string[] = []
    const texts = await loadTexts(source, text, notes, { isRequired: true })
    for (const note of notes) reporter.note(note)
    const isHeld = (i: number): boolean => isSampled && i % HELD_OUT === HELD_OUT - 1
    const heldOut = texts.filter((_, i) => isHeld(i))
    reporter.note(`${source}: ${texts.length} texts without labels, ${heldOut.length} of them held out`)
    return { training: texts.filter((_, i) => !isHeld(i)), heldOut }
  }
}
