// Where a row is not faster than the baseline, it says in words why not.

import type { StudyRow } from './results.ts'

/** Below this a row counts as slower; times of one machine vary by more than the rest. */
const SLOWER = 0.95
const FASTER = 1.05

type Reason = { is: (recipe: string) => boolean; words: string }

const REASONS: Reason[] = [
  {
    is: (recipe) => /tucker|svd/.test(recipe),
    words:
      'a low-rank layer is two or three calls one after another, and at this width the cost of a call outweighs the arithmetic it saves',
  },
  {
    is: (recipe) => /(^|\+)(sp|nm)/.test(recipe),
    words: 'at this width a call is mostly fixed cost, and skipping zeros saves arithmetic only',
  },
  {
    is: (recipe) => /(^|\+)q8/.test(recipe),
    words: 'at this width rounding the activations takes as long as the smaller products save',
  },
  {
    is: (recipe) => recipe === 'e8' || recipe === 'vocab',
    words: 'it changes the embeddings only, which take hardly any time',
  },
  { is: () => true, words: 'at this width a run is mostly the fixed cost of its calls, not arithmetic' },
]

/** Row id and a sentence for each row that a device does not run faster than the baseline. */
export function slowerNotes(rows: StudyRow[]): [id: string, words: string][] {
  const baseline = rows.find((row) => row.id === 'baseline')
  if (!baseline) return []
  const notes: [string, string][] = []
  for (const row of rows) {
    if (row.id === 'baseline') continue
    const slow: string[] = []
    for (const kind of ['cpu', 'gpu'] as const) {
      const [ours, theirs] = [row[kind], baseline[kind]]
      if (!ours || !theirs) continue
      const gain = theirs.medianMs / ours.medianMs
      const where = kind === 'cpu' ? 'CPU' : row.gpu?.software ? 'software GPU (emulated)' : 'GPU'
      if (gain < SLOWER) slow.push(`slower than the baseline on the ${where}`)
      else if (gain < FASTER) slow.push(`no faster than the baseline on the ${where}`)
    }
    if (slow.length) notes.push([row.id, `${slow.join(' and ')}: ${REASONS.find(({ is }) => is(row.recipe))!.words}`])
  }
  return notes
}
