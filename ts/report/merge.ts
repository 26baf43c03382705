// One study on several machines: the first has the table, the times of all are set side by side.

import { shortNumber } from './numbers.ts'
import type { MachineTimes, StudyResults, StudyRow } from './results.ts'

/** What has to be equal, for times to be of the same rows. */
const decides = ({ data, settings, model }: StudyResults): Record<string, unknown> => ({
  'digest of the data': data.hash,
  labels: data.labels,
  'shape of the model': model.shape,
  ...settings,
  // where a file lies differs between machines; its digest does not
  data: null,
  test: null,
  validation: null,
  unlabelled: null,
  model: null,
})

const timesOf = ({ machine, engine, date, rows }: StudyResults): MachineTimes => ({
  machine,
  engine,
  date,
  rows: rows.map(({ id, modelDigest, cpu, gpu }) => ({ id, modelDigest: modelDigest ?? null, cpu, gpu })),
})

/** All machines of a study, merged before or not. */
const machinesOf = (results: StudyResults): MachineTimes[] => results.machines ?? [timesOf(results)]

/**
 * The first study with the times of all.
 * @throws where they are not of the same data and settings; the message names what differs
 */
export function mergeStudies(studies: readonly StudyResults[]): StudyResults {
  const [first, ...others] = studies
  if (others.length === 0) throw new Error(`study merge: found ${studies.length} study, expected two or more`)
  const known = decides(first)
  for (const [i, other] of others.entries()) {
    const found = decides(other)
    const differing = Object.keys(known).filter((name) => JSON.stringify(known[name]) !== JSON.stringify(found[name]))
    if (differing.length > 0) {
      const words = differing.map(
        (name) => `${name} is ${JSON.stringify(known[name])}, there ${JSON.stringify(found[name])}`,
      )
      throw new Error(
        `study merge: study ${i + 2} is another one than the first: ${words.join('; ')}. Run both with the same command`,
      )
    }
  }
  const machines = studies.flatMap(machinesOf)
  const digests = new Map(first.rows.map(({ id, modelDigest }) => [id, modelDigest ?? null]))
  const notes = others.flatMap(({ rows, machine }) => {
    const differing = rows.filter(({ id, modelDigest }) => digests.has(id) && digests.get(id) !== (modelDigest ?? null))
    const missing = rows.filter(({ id }) => !digests.has(id))
    return [
      ...(differing.length > 0
        ? [
            `${machine.cpu}: trained there, ${differing.map(({ id }) => id).join(', ')} are other files than the first machine's; sizes and measures are the first's, times those of the other's own`,
          ]
        : []),
      ...(missing.length > 0
        ? [`${machine.cpu}: ${missing.map(({ id }) => id).join(', ')} is not in the first study`]
        : []),
    ]
  })
  return { ...first, finished: studies.every(({ finished }) => finished), machines, notes: [...first.notes, ...notes] }
}

export const MACHINES_TITLE = 'Times on each machine'

export const MACHINES_WORDS =
  'Median milliseconds a text, in brackets how many times as fast as the baseline of the same machine; = marks a tie. Ratios may be compared between machines; the text that was timed has the same tokens everywhere. A software GPU is left out.'

/** Titles, then a line for each row of any machine; empty for one machine. */
export function machinesTable({ machines, rows }: StudyResults): string[][] {
  if (!machines) return []
  const columns = machines.flatMap(({ machine, engine, rows: timed }, i) =>
    (['cpu', 'gpu'] as const).flatMap((kind) => {
      const times = new Map(timed.map((row) => [row.id, realTime(row, kind)]))
      if (![...times.values()].some((of) => of)) return []
      const name = kind === 'cpu' ? machine.cpu : (engine.gpu ?? 'GPU')
      const threads = timed.find((row) => row.cpu)?.cpu?.threads
      return [{ title: `${i + 1}: ${name}${kind === 'cpu' ? `, ${threads} threads` : ''}, ms`, times }]
    }),
  )
  const ids = [...new Set([...rows.map(({ id }) => id), ...machines.flatMap((of) => of.rows.map(({ id }) => id))])]
  return [
    ['variant', ...columns.map(({ title }) => title)],
    ...ids.map((id) => [id, ...columns.map(({ times }) => times.get(id) ?? '—')]),
  ]
}

function realTime(row: Pick<StudyRow, 'cpu' | 'gpu'>, kind: 'cpu' | 'gpu'): string | null {
  const latency = row[kind]
  if (!latency || (kind === 'gpu' && row.gpu?.software)) return null
  const { medianMs, speed } = latency
  return `${shortNumber(medianMs)}${speed ? ` (${speed.isTie ? '= ' : ''}${shortNumber(speed.ratio)}x)` : ''}`
}
