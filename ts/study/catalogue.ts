// The rows of a study: the ten of the paper that this project reproduces, with its own figures, ours beyond them, and any
// recipe that the user names.

import { formatRecipe, parseRecipe, type Step } from '../recipe/apply.ts'

/** What the paper reports: megabytes (10^6 bytes), F1, seconds a text. Null where it has no figure. */
export interface PaperFigures {
  megabytes: number
  f1: number
  gpuSeconds: number | null
  cpuSeconds: number
}

export interface RowPlan {
  id: string
  base: 'baseline' | 'student'
  /**
   * steps that change the linears' shape, after which they are trained again; `R` in a low-rank step stands for the rank
   * that is chosen on the validation texts
   */
  shape: string
  /** steps after the fine-tuning */
  store: string
  paper?: PaperFigures
}

const row = (
  id: string,
  base: RowPlan['base'],
  shape: string,
  store: string,
  paper?: [number, number, number | null, number],
): RowPlan => ({
  id,
  base,
  shape,
  store,
  ...(paper && { paper: { megabytes: paper[0], f1: paper[1], gpuSeconds: paper[2], cpuSeconds: paper[3] } }),
})

/** In the order of the table; both bases come before what is made of them. */
export const ROWS: RowPlan[] = [
  row('baseline', 'baseline', '', '', [711, 0.966, 0.036, 1.51]),
  row('q8', 'baseline', '', 'q8', [454, 0.966, null, 1.18]),
  row('q8+e8', 'baseline', '', 'q8+e8', [179, 0.966, null, 0.13]),
  row('tucker', 'baseline', 'wtucker:R', '', [385, 0.966, 0.036, 0.78]),
  row('tucker+e8', 'baseline', 'wtucker:R', 'e8', [109, 0.967, null, 0.817]),
  row('student', 'student', '', '', [10.3, 0.952, 0.005, 0.12]),
  row('student+q8+e8', 'student', '', 'q8+e8', [2.68, 0.952, null, 0.105]),
  row('student+tucker', 'student', 'wtucker:R', '', [3.43, 0.951, 0.02, 0.11]),
  row('student+tucker+e8', 'student', 'wtucker:R', 'e8', [1.69, 0.958, null, 0.1]),
  row('pruned', 'baseline', 'heads8-ffn2048', '', [598, 0.975, 0.029, 1.15]),
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

export const PAPER_BASELINE = ROWS[0].paper!

/** A row's folder inside `models/`: colons are not allowed in names everywhere. */
export const folderOf = (id: string): string => id.replaceAll(':', '-')

/** Steps after which there is something to train again. */
const isShaping = ({ kind }: Step): boolean => kind !== 'q8' && kind !== 'e8' && kind !== 'vocab'

/**
 * The row that a recipe makes of the baseline, or after 'student' of the study's own student.
 * @throws where the recipe is not right, or steps that store weights come before steps that shape them
 */
function rowOfRecipe(recipe: string): RowPlan {
  const isStudent = recipe.startsWith('student+')
  const steps = parseRecipe(isStudent ? recipe.slice('student+'.length) : recipe)
  // the vocabulary is no matter of the linears: wherever it stands it is pruned after their training
  const [shaping, storing] = [steps.filter(isShaping), steps.filter((step) => !isShaping(step))]
  const isStored = steps.findIndex(({ kind }) => kind === 'q8' || kind === 'e8')
  if ((isStored >= 0 && steps.slice(isStored).some(isShaping)) || steps.some(({ kind }) => kind === 'student'))
    throw new Error(
      `variant '${recipe}': a study shapes weights first (sp.., nm.., heads.., svd, tucker), trains them again, then stores them (q8, e8); students are made by 'student' alone`,
    )
  return row(recipe, isStudent ? 'student' : 'baseline', formatRecipe(shaping), formatRecipe(storing))
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
    const rows = id === 'all' ? ROWS : id === 'paper' ? ROWS.filter((r) => r.paper) : ROWS.filter((r) => r.id === id)
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
