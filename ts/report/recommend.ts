// What to take of a study's rows: chosen on the validation texts, reported on the test texts, which only ever rule out.

import { bestFloor, FLOOR_NAMES } from '../evaluation/floors.ts'
import { METRIC_NAMES, type Metric } from '../evaluation/statistics.ts'
import type { Latency, Recommendation, StudyResults, StudyRow } from './results.ts'

type Judged = Pick<StudyResults, 'rows' | 'floors' | 'margin'> & { settings: { metric: Metric } }

interface Aim {
  aim: Recommendation['aim']
  /** the least is best; undefined where it was not measured */
  value: (row: StudyRow) => number | undefined
  /** whether a row cannot be told from the best one; of such rows the smallest file is taken */
  isLevel: (best: StudyRow, row: StudyRow) => boolean
  /** how the reason begins */
  words: (row: StudyRow) => string
}

/**
 * The row to choose for each aim, among those whose deciding measure on the validation texts is within the margin of the
 * baseline's. A row that the test texts show to be worse than the baseline, or that lies below a floor there, is passed over,
 * which a note says; an aim that no row is left for is missing. Times of a software GPU are not looked at.
 */
export function recommend(results: Judged): { recommendations: Recommendation[]; notes: string[] } {
  const { rows, margin, settings } = results
  const baseline = rows.find((row) => row.id === 'baseline')
  if (!baseline) return { recommendations: [], notes: [] }
  const held = rows.filter((row) => row.validation >= baseline.validation - margin)
  const recommendations: Recommendation[] = []
  const passedOver = new Map<string, string>()
  for (const aim of aimsOf(settings.metric)) {
    const left = held.filter((row) => aim.value(row) !== undefined)
    while (left.length > 0) {
      const row = bestOf(left, aim)
      const why = whyNot(row, results)
      if (why === '') {
        recommendations.push({ aim: aim.aim, id: row.id, reason: reasonOf(row, aim, results) })
        break
      }
      passedOver.set(row.id, why)
      left.splice(left.indexOf(row), 1)
    }
  }
  const notes = [...passedOver].map(([id, why]) => `${id} is not recommended: on the test texts ${why}`)
  return { recommendations, notes: recommendations.length > 0 ? notes : ['nothing is recommended', ...notes] }
}

function aimsOf(metric: Metric): Aim[] {
  const size = (row: StudyRow): string => `${(row.bytes / 1e6).toFixed(2)} MB`
  const gpuOf = ({ gpu }: StudyRow): Latency | null => (gpu && !gpu.software ? gpu : null)
  const fastest = (aim: Aim['aim'], timesOf: (row: StudyRow) => Latency | null): Aim => ({
    aim,
    value: (row) => timesOf(row)?.medianMs,
    isLevel: (best, row) => timesOf(row)!.lowMs <= timesOf(best)!.highMs,
    words: (row) => {
      const { medianMs, lowMs, highMs } = timesOf(row)!
      return `${medianMs.toPrecision(3)} ms [${lowMs.toPrecision(3)}, ${highMs.toPrecision(3)}] a text`
    },
  })
  return [
    { aim: 'smallest', value: (row) => row.bytes, isLevel: (best, row) => best.bytes === row.bytes, words: size },
    fastest('fastest on the CPU', (row) => row.cpu),
    fastest('fastest on the GPU', gpuOf),
    {
      aim: 'best',
      value: (row) => -row.validation,
      isLevel: (best, row) => best.validation === row.validation,
      words: (row) => `${METRIC_NAMES[metric]} ${row.validation.toFixed(3)} on the validation texts`,
    },
  ]
}

function bestOf(rows: StudyRow[], { value, isLevel }: Aim): StudyRow {
  const best = rows.reduce((least, row) => (value(row)! < value(least)! ? row : least))
  return rows.filter((row) => isLevel(best, row)).reduce((least, row) => (row.bytes < least.bytes ? row : least))
}

/** What the test texts have against a row; '' for nothing. */
function whyNot(row: StudyRow, { floors, settings: { metric } }: Judged): string {
  const floor = floors.length > 0 ? bestFloor(floors, metric) : null
  if (floor && row[metric] < floor[metric])
    return `${FLOOR_NAMES[floor.id]} does better (${METRIC_NAMES[metric]} ${floor[metric].toFixed(3)}, this row ${row[metric].toFixed(3)})`
  if (row.change === 'loss') return `it is worse than the baseline (${lossPoints(row)} points)`
  return ''
}

function reasonOf(row: StudyRow, { words }: Aim, { settings: { metric } }: Judged): string {
  const found = `${METRIC_NAMES[metric]} ${row[metric].toFixed(3)} on the test texts`
  const against = row.id === 'baseline' ? '' : `, lost ${lossPoints(row)} points${row.isNoWorse ? ', no worse' : ''}`
  const cost = `made in ${row.makeSeconds.toFixed(0)} s${row.parent === row.id ? '' : ` from ${row.parent}`}`
  return `${words(row)}; ${found}${against}; ${cost}`
}

/** What a row loses, in points of 100, with its interval. */
export const lossPoints = ({ loss, lossLow, lossHigh }: StudyRow): string => {
  // what rounds to nothing has no sign
  const points = (share: number): string => (100 * share).toFixed(1).replace('-0.0', '0.0')
  return `${points(loss)} [${points(lossLow)}, ${points(lossHigh)}]`
}
