// The rows of a study: the ten of the paper that this project reproduces, with its own figures, and ours beyond them.

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
  /** steps before the fine-tuning: `R` in a low-rank step stands for the rank that is chosen on the validation texts */
  shape: string
  /** how the shaped weights are trained again: not at all, as a smaller dense model, or with the zeros held */
  tune: 'none' | 'dense' | 'masked'
  /** steps after the fine-tuning */
  store: string
  paper?: PaperFigures
}

const row = (
  id: string,
  base: RowPlan['base'],
  shape: string,
  tune: RowPlan['tune'],
  store: string,
  paper?: [number, number, number | null, number],
): RowPlan => ({
  id,
  base,
  shape,
  tune,
  store,
  ...(paper && { paper: { megabytes: paper[0], f1: paper[1], gpuSeconds: paper[2], cpuSeconds: paper[3] } }),
})

/** In the order of the table; both bases come before what is made of them. */
export const ROWS: RowPlan[] = [
  row('baseline', 'baseline', '', 'none', '', [711, 0.966, 0.036, 1.51]),
  row('q8', 'baseline', '', 'none', 'q8', [454, 0.966, null, 1.18]),
  row('q8+e8', 'baseline', '', 'none', 'q8+e8', [179, 0.966, null, 0.13]),
  row('tucker', 'baseline', 'tucker:R', 'none', '', [385, 0.966, 0.036, 0.78]),
  row('tucker+e8', 'baseline', 'tucker:R', 'none', 'e8', [109, 0.967, null, 0.817]),
  row('student', 'student', '', 'none', '', [10.3, 0.952, 0.005, 0.12]),
  row('student+q8+e8', 'student', '', 'none', 'q8+e8', [2.68, 0.952, null, 0.105]),
  row('student+tucker', 'student', 'tucker:R', 'none', '', [3.43, 0.951, 0.02, 0.11]),
  row('student+tucker+e8', 'student', 'tucker:R', 'none', 'e8', [1.69, 0.958, null, 0.1]),
  row('pruned', 'baseline', 'heads8-ffn2048', 'dense', '', [598, 0.975, 0.029, 1.15]),
  row('pruned+q8+e8', 'baseline', 'heads8-ffn2048', 'dense', 'q8+e8'),
  row('sp80', 'baseline', 'sp80', 'masked', ''),
  row('sp80x4+q8+e8', 'baseline', 'sp80x4', 'masked', 'q8+e8'),
  row('nm2:4', 'baseline', 'nm2:4', 'masked', ''),
  row('svd', 'baseline', 'svd:R', 'none', ''),
  row('tucker+q8+e8', 'baseline', 'tucker:R', 'none', 'q8+e8'),
  row('vocab', 'baseline', '', 'none', 'vocab'),
  row('vocab+q8+e8', 'baseline', '', 'none', 'vocab+q8+e8'),
  row('student+sp80x4+q8+e8', 'student', 'sp80x4', 'masked', 'q8+e8'),
]

export const PAPER_BASELINE = ROWS[0].paper!

/** A row's folder inside `models/`: colons are not allowed in names everywhere. */
export const folderOf = (id: string): string => id.replaceAll(':', '-')

/**
 * Picks rows in the table's order; what a row is made of comes with it (the baseline, and for a student row the student).
 * @param list ids joined by commas, 'paper' for the ten rows, 'all' for every row
 * @throws where an id is not known; the message names those there are
 */
export function selectRows(list: string): RowPlan[] {
  const wanted = new Set<string>(['baseline'])
  for (const id of list.split(',').map((part) => part.trim())) {
    if (id === '') continue
    const rows = id === 'all' ? ROWS : id === 'paper' ? ROWS.filter((r) => r.paper) : ROWS.filter((r) => r.id === id)
    if (rows.length === 0)
      throw new Error(
        `variant '${id}' is not known; choose from ${ROWS.map((r) => r.id).join(', ')}, 'paper' (the ten rows) or 'all'`,
      )
    for (const found of rows) wanted.add(found.id).add(found.base)
  }
  return ROWS.filter((r) => wanted.has(r.id))
}
