// Where a row is not faster than the baseline, its note says so. It gives a cause only where the recipe itself is one.

import { changesLayers, parseRecipe } from '../recipe/parse.ts'
import type { StudyRow } from './results.ts'

/** Below this a row counts as slower; times of one machine vary by more than the rest. */
const SLOWER = 0.95
const FASTER = 1.05

/** Why a row cannot be faster, by the steps that made it; '' where its times alone do not tell. */
function cause({ recipe, parent }: StudyRow): string {
  const steps = parseRecipe(recipe)
  const isEmbeddings = steps.length > 0 && !steps.some(changesLayers)
  return isEmbeddings && parent === 'baseline'
    ? ": its steps change the embeddings alone, its layers are the baseline's"
    : ''
}

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
      const where = `the ${kind === 'cpu' ? 'CPU' : row.gpu?.software ? 'software GPU (emulated)' : 'GPU'}`
      const speed = `(${gain.toFixed(2)} times its speed)`
      if (gain < SLOWER) slow.push(`slower than the baseline on ${where} ${speed}`)
      else if (gain < FASTER) slow.push(`no faster than the baseline on ${where} ${speed}`)
    }
    if (slow.length) notes.push([row.id, `${slow.join(' and ')}${cause(row)}`])
  }
  return notes
}
