// Where a row is not faster than the baseline on a real device, its note says so, with the interval of the ratio. No cause is
// given: a row's times do not say what of it is slow.

import type { StudyRow } from './results.ts'

/** Row id and a sentence for each row that a real device does not run faster than the baseline. */
export function slowerNotes(rows: StudyRow[]): [id: string, words: string][] {
  const notes: [string, string][] = []
  for (const row of rows) {
    const slow: string[] = []
    for (const kind of ['cpu', 'gpu'] as const) {
      const speed = row[kind]?.speed
      if (!speed || (kind === 'gpu' && row.gpu?.software)) continue
      if (!speed.isTie && speed.ratio > 1) continue
      const high = speed.high === null ? 'no bound' : speed.high.toFixed(2)
      const figures = `(${speed.ratio.toFixed(2)} times its speed [${speed.low.toFixed(2)}, ${high}])`
      const how = speed.isTie ? 'no difference shown from the baseline' : 'slower than the baseline'
      slow.push(`${how} on the ${kind.toUpperCase()} ${figures}`)
    }
    if (slow.length) notes.push([row.id, slow.join('; ')])
  }
  return notes
}
