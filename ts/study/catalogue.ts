// The rows of a study: the ten of the paper that this project reproduces, ours beyond them, and any
// recipe that the user names.

import { PAPER_ROWS } from '../report/paper.ts'
import { formatRecipe, parseRecipe, type Step } from '../recipe/apply.ts'
import { definitionOf, STEPS } from '../recipe/steps/index.ts'
import type { Stage } from '../recipe/step.ts'

export interface RowPlan {
  id: string
  base: 'baseline' | 'student'
  /**
   * steps that change the linears' shape, after which they are trained again; `R` in a low-rank step is the rank
   * that is chosen on the validation texts
   */
  shape: string
  /** steps after the fine-tuning */
  store: string
}

const row = (id: string, base: RowPlan['base'], shape: string, store: string): RowPlan => ({ id, base, shape, store })

/** In the order of the table; both bases come before what is made of them. */
export const ROWS: RowPlan[] = [
  row('baseline', 'baseline', '', ''),
  row('q8', 'baseline', '', 'q8'),
  row('q8+e8', 'baseline', '', 'q8+e8'),
  row('tucker', 'baseline', 'wtucker:R', ''),
  row('tucker+e8', 'baseline', 'wtucker:R', 'e8'),
  row('student', 'student', '', ''),
  row('student+q8+e8', 'student', '', 'q8+e8'),
  row('student+tucker', 'student', 'wtucker:R', ''),
  row('student+tucker+e8', 'student', 'wtucker:R', 'e8'),
  row('pruned', 'baseline', 'heads8-ffn2048', ''),
  row('pruned+q8+e8', 'baseline', 'heads8-ffn2048', 'q8+e8'),
  row('sp80', 'baseline', 'sp80', ''),
  row('sp80x4+q8+e8', 'baseline', 'sp80x4', 'q8+e8'),
  row('nm2:4', 'baseline', 'nm2:4', ''),
  row('svd', 'baseline', 'wsvd:R', ''),
  row('tucker+q8+e8', 'baseline', 'wtucker:R', 'q8+e8'),
  row('vocab', 'baseline', '', 'vocab'),
  row('vocab+q8+e8', 'baseline', '', 'vocab+q8+e8'),
  row('student+sp80x4+q8+e8', 'student', 'sp80x4', 'q8+e8'),
]

/** A row's folder inside `models/`: colons are not allowed in names everywhere. */
export const folderOf = (id: string): string => id.replaceAll(':', '-')

const stageOf = (step: Step): Stage => definitionOf(step).stage
/** How the steps of a stage are written. */
const stepsOf = (stage: Stage): string =>
  STEPS.filter((step) => step.stage === stage)
    .map(({ syntax }) => syntax[0][0])
    .join(', ')

/**
 * The row that a recipe makes of the baseline, or after 'student' of the study's own student.
 * @throws where the recipe is not right, or steps that store weights come before steps that shape them
 */
function rowOfRecipe(recipe: string): RowPlan {
  const isStudent = recipe.startsWith('student+')
  const steps = parseRecipe(isStudent ? recipe.slice('student+'.length) : recipe)
  // the vocabulary does not touch the linears: wherever that step is, it is done after their training
  const [shaping, rest] = [
    steps.filter((step) => stageOf(step) === 'shape'),
    steps.filter((step) => stageOf(step) !== 'shape'),
  ]
  const stored = steps.findIndex((step) => stageOf(step) === 'store')
  const isShapedLater = stored >= 0 && steps.slice(stored).some((step) => stageOf(step) === 'shape')
  if (isShapedLater || steps.some((step) => stageOf(step) === 'model'))
    throw new Error(
      `variant '${recipe}': a study shapes weights first (${stepsOf('shape')}), trains them again, then stores them (${stepsOf('store')}); students are made by 'student' alone`,
    )
  return row(recipe, isStudent ? 'student' : 'baseline', formatRecipe(shaping), formatRecipe(rest))
}

/**
 * Picks rows in the table's order, recipes of the user's own after them; what a row is made of comes with it (the baseline,
 * and for a student row the student).
 * @param list ids or recipes joined by commas, 'paper' for the ten rows, 'all' for every row
 * @throws where an id is neither a row nor a recipe; the message names the rows there are
 */
export function selectRows(list: string): RowPlan[] {
  const wanted = new Set<string>(['baseline'])
  const own: RowPlan[] = []
  for (const id of list.split(',').map((part) => part.trim())) {
    if (id === '') continue
    const rows =
      id === 'all' ? ROWS : id === 'paper' ? ROWS.filter((r) => PAPER_ROWS.has(r.id)) : ROWS.filter((r) => r.id === id)
    if (rows.length === 0) own.push(namedRow(id))
    for (const found of [...rows, ...own]) wanted.add(found.id).add(found.base)
  }
  return [...ROWS.filter((r) => wanted.has(r.id)), ...own]
}

function namedRow(id: string): RowPlan {
  try {
    return rowOfRecipe(id)
  } catch (error) {
    throw new Error(
      `variant '${id}' is not known; choose from ${ROWS.map((r) => r.id).join(', ')}, 'paper' (the ten rows), 'all', or give a recipe (${(error as Error).message.split('\n')[0]})`,
      { cause: error },
    )
  }
}
