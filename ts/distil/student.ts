// A student's vocabulary and starting weights, from a teacher and the texts of a task.

import { isAlwaysKept, isKeptInBound, pruneVocabulary } from '../compress/vocabulary.ts'
import type { TextPreparation } from '../text/preparation.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { initializeModel } from '../train/initialize.ts'
import { configInSize, studentFrom, type StudentSize } from '../train/student.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { withPreparation } from '../inference/text-model.ts'
import type { Classifier } from '../inference/classifier.ts'
import { encodeTexts } from '../inference/batches.ts'
import { filesOf, vocabularyOf, withVocabulary } from '../text/tokenizer-files.ts'
import { learnTokenizer } from '../text/learn-tokenizer.ts'
import { modelConfig } from '../train/starting-model.ts'

import type { Vocabulary } from './settings.ts'

/** Tokens of one token's spelling, [CLS] and [SEP] included. */
const MOST_PIECES = 64

export interface StudentPlan {
  size: StudentSize
  /** the teacher's weights where they fit, or random numbers */
  init: 'teacher' | 'fresh'
  /** the teacher's, of it what the task's texts use, or a new one of so many tokens */
  vocabulary: Vocabulary
  maxPositions: number
  /** of the texts; null: as the teacher's */
  preparation: TextPreparation | null
  seed: number
}

export interface StartedStudent {
  weights: ModelWeights
  tokenizer: Tokenizer
  files: Record<string, string>
  /** the teacher with the student's vocabulary; null where that is a new one */
  teacher: ModelWeights | null
  notes: string[]
}

/** @param texts of the training part; the vocabulary is made from them */
export async function startStudent(teacher: Classifier, texts: string[], plan: StudentPlan): Promise<StartedStudent> {
  const preparation = plan.preparation ?? teacher.weights.config.preparation ?? null
  const chosen = await chooseVocabulary(teacher, texts, { ...plan, preparation })
  const { tokenizer, files, notes } = chosen
  const { size, seed } = plan
  const maxPositions = Math.min(plan.maxPositions, teacher.weights.config.maxPositions)
  if (plan.init === 'fresh') {
    // hidden states are compared token by token, so with the teacher's words no text may be longer than it reads
    const longest = chosen.teacher ? maxPositions : plan.maxPositions
    const { labels, problemType } = teacher.weights.config
    const config = {
      ...modelConfig(size, tokenizer, labels, longest, preparation),
      ...(problemType && { problemType }),
    }
    // who has the teacher's words is of its family: so do the positions and types of its tokens
    const own = chosen.teacher && configInSize(chosen.teacher, size)
    const vocabSize = chosen.teacher?.embeddings.word.rows ?? tokenizer.vocabSize
    const weights = initializeModel({ ...config, ...own, maxPositions: longest, vocabSize }, seed)
    return { weights, tokenizer, files, teacher: chosen.teacher, notes }
  }
  const base = chosen.teacher ?? teacher.weights
  const rows = chosen.teacher ? undefined : piecesOf(vocabularyOf(tokenizer), teacher.tokenizer)
  const frequencies = new Float64Array(rows?.length ?? base.embeddings.word.rows)
  for (const ids of encodeTexts(tokenizer, texts, maxPositions).ids) for (const id of ids) frequencies[id]++
  const { model, notes: taken } = studentFrom(base, size, {
    seed,
    maxPositions,
    frequencies,
    ...(rows && { rows, paddingId: vocabularyOf(tokenizer).indexOf('[PAD]') }),
  })
  const weights = withPreparation(
    { ...model, config: { ...model.config, lowercase: tokenizer.lowercase } },
    preparation,
  )
  return { weights, tokenizer, files, teacher: chosen.teacher, notes: [...notes, ...taken] }
}

type Chosen = Omit<StartedStudent, 'weights'>

async function chooseVocabulary(teacher: Classifier, texts: string[], plan: StudentPlan): Promise<Chosen> {
  const { vocabulary, preparation } = plan
  if (typeof vocabulary === 'number') {
    const tokenizer = learnTokenizer(texts, vocabulary, preparation)
    return { tokenizer, files: filesOf(tokenizer), teacher: null, notes: [] }
  }
  const weights = withPreparation(teacher.weights, preparation)
  const open = (files: Record<string, string>, of: ModelWeights): Promise<Tokenizer> =>
    openTokenizer(files, of.config, 'the teacher')
  const files = filesOf(teacher.tokenizer)
  const whole = await open(files, weights)
  if (vocabulary === 'same') return { tokenizer: whole, files, teacher: weights, notes: [] }
  if (!vocabularyOf(teacher.tokenizer).includes('[UNK]'))
    throw new Error(
      "distil: 'task' cuts a WordPiece vocabulary, the teacher's is of another kind; give the vocabulary 'same', or a number for a new one",
    )
  const own = vocabularyOf(teacher.tokenizer)
  const counts = new Map<number, number>()
  for (const ids of encodeTexts(whole, texts, weights.config.maxPositions).ids)
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  const most = vocabulary === 'task' ? Infinity : Number(vocabulary.slice('task:'.length))
  const keeps = most === Infinity ? isAlwaysKept : isKeptInBound
  const pruned = pruneVocabulary(weights, { vocabulary: own, keepIds: mostFrequent(own, counts, most, keeps), keeps })
  const kept = withVocabulary(files, pruned.vocabulary, weights.config.lowercase)
  const [note] = pruned.notes
  return { tokenizer: await open(kept, pruned.model), files: kept, teacher: pruned.model, notes: [note] }
}

/**
 * The tokens seen, at most so many with those that every vocabulary keeps: the most frequent, of equals the first.
 * @throws where there is no room for any
 */
function mostFrequent(
  vocabulary: string[],
  counts: ReadonlyMap<number, number>,
  most: number,
  keeps: (token: string) => boolean,
): number[] {
  const isKept = (id: number): boolean => keeps(vocabulary[id])
  const room = most - vocabulary.filter((_, id) => isKept(id)).length
  if (!(room > 0))
    throw new Error(
      `distil: a vocabulary of ${most} tokens has no room beside the teacher's ${most - room} special tokens and single characters; give more`,
    )
  return [...counts]
    .filter(([id]) => !isKept(id))
    .sort(([a, one], [b, other]) => other - one || a - b)
    .slice(0, room)
    .map(([id]) => id)
}

/** For each token the ids of the teacher's tokens that spell it; none where they cannot. */
function piecesOf(vocabulary: string[], teacher: Tokenizer): number[][] {
  const known = new Map(vocabularyOf(teacher).map((token, id) => [token, id]))
  const unknown = known.get('[UNK]')
  return vocabulary.map((token) => {
    const own = known.get(token)
    if (own !== undefined) return [own]
    const pieces = [...teacher.encode(token.replace(/^##(?=.)/, ''), MOST_PIECES)].slice(1, -1)
    return pieces.some((id) => id === unknown) ? [] : pieces
  })
}
