// The sizes of the study's ten rows, from shapes alone: mBERT, its compressed variants and its student, with the recipe and
// the assumption behind each. The study counts an int8 weight as one byte and nothing for what scales it; our files hold
// the scales too, so both figures are given.

import { recipeLedger } from '../recipe/ledger.ts'
import { PAPER_ROWS } from './paper.ts'

/** The preset that the study's figures are of. */
const SHAPE = 'mbert'

/** The student of the study, whose shape it does not give: this preset, at this vocabulary, fits all four of its rows. */
const STUDENT = 'vocab:4650+student:study-student'

/** Row -> the recipe over mBERT that gives its size, and what had to be assumed. */
const RECIPES: Record<string, [recipe: string, assumption: string]> = {
  baseline: ['baseline', ''],
  q8: ['q8', 'every linear layer, pooler and classifier too; embeddings stay f32'],
  'q8+e8': ['q8+e8', 'of the embeddings only the word table'],
  tucker: [
    'tucker:136',
    'rank 136 in every role, outer factors shared by the 12 layers: 26 times fewer encoder weights; pooler dense',
  ],
  'tucker+e8': ['tucker:136+e8', 'the same ranks'],
  student: [STUDENT, '10 layers of width 128, FFN 512, 128 positions, 4,650 tokens'],
  'student+q8+e8': [`${STUDENT}+q8+e8`, 'the same student'],
  'student+tucker': [`${STUDENT}+tucker:44`, 'rank 44 in every role'],
  'student+tucker+e8': [`${STUDENT}+tucker:44+e8`, 'the same ranks'],
  pruned: ['heads8-ffn2048', '8 of 12 heads and 2,048 of 3,072 FFN neurons: a third of the encoder'],
}

export interface PaperSize {
  id: string
  /** the study's figure, MB of 10^6 bytes */
  paper: number
  /** ours without scales and masks, as the study counts */
  megabytes: number
  /** all that our file holds, its header apart */
  withScales: number
  /** steps over preset:mbert */
  recipe: string
  /** what the study leaves open; '' where nothing */
  assumption: string
}

/** The ten rows in the order of the study's table. */
export function paperSizes(): PaperSize[] {
  return [...PAPER_ROWS].map(([id, paper]) => {
    const [recipe, assumption] = RECIPES[id]
    const { bytes, groups } = recipeLedger(SHAPE, recipe)
    const scales = groups.find(({ name }) => name === 'scales')?.bytes ?? 0
    const size = { megabytes: (bytes - scales) / 1e6, withScales: bytes / 1e6 }
    return { id, paper: paper.megabytes, ...size, recipe, assumption }
  })
}
