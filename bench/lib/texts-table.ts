// A result of `bench texts` as documents show it: ours and the peer's of one setting in one row, losses as they are.

import { markdownTable } from 'markdown-table'
import { short, type BenchResult, type ResultRow } from './results.ts'

const OURS = 'compact-kernels'
const WIDE = 'compact-kernels wide'

const rate = ({ medianMs, noisy }: ResultRow): string => `${short(1000 / medianMs)}${noisy ? ' (noisy)' : ''}`

const distance = ({ distances }: ResultRow): string =>
  distances ? `${distances.f32.mean.toExponential(1)}, ${distances.alone.max.toExponential(1)}` : ''

const isSame = (a: ResultRow, b: ResultRow): boolean =>
  a.variant === b.variant && a.batch === b.batch && a.threads === b.threads && a.host === b.host

/** Texts a second of both sides, how many times as fast ours is (and its wide kernels), and how far vectors are off. */
export function textsTable({ rows }: BenchResult): string {
  const peers = [...new Set(rows.map(({ engine }) => engine).filter((engine) => engine !== OURS && engine !== WIDE))]
  const hasWide = rows.some(({ engine }) => engine === WIDE)
  const header = ['variant', 'texts a call', 'threads', 'ours, texts a second', ...(hasWide ? ['`--wide`'] : [])]
  for (const peer of peers)
    header.push(`${peer}, texts a second`, 'ours is so many times as fast', ...(hasWide ? ['`--wide`'] : []))
  header.push('ours: from f32, by the batch', ...peers.map((peer) => `${peer}: from f32, by the batch`))
  const lines = rows
    .filter(({ engine }) => engine === OURS)
    .map((ours) => {
      const of = (engine: string): ResultRow | undefined =>
        rows.find((row) => row.engine === engine && isSame(row, ours))
      const sides = [ours, ...(hasWide ? [of(WIDE)] : [])]
      const others = peers.map(of)
      return [
        ...[`\`${ours.variant}\`${ours.host ? ', in Chromium' : ''}`, String(ours.batch), String(ours.threads)],
        ...sides.map((row) => (row ? rate(row) : '')),
        ...others.flatMap((other) => [
          other ? rate(other) : '',
          ...sides.map((row) => (row && other ? short(other.medianMs / row.medianMs) : '')),
        ]),
        ...[ours, ...others].map((row) => (row ? distance(row) : '')),
      ]
    })
  const align = ['l', ...header.slice(1).map(() => 'r')]
  return markdownTable([header, ...lines], { align, alignDelimiters: false })
}

/** The table with where, when and by what command. @param raw path of the file from the document */
export function textsSection(result: BenchResult, raw: string): string {
  const { machine, engine, command, date, notes } = result
  return [
    `${machine.cpu}, ${machine.cores} cores (${machine.class}), Node ${engine.node}, ${date.slice(0, 10)}: ${notes[0]}. \`${command}\` ([raw](${raw})). Below 1 ours is slower.`,
    textsTable(result),
    'From f32: mean 1 - cosine to our vectors of the model as it is; by the batch: the largest 1 - cosine between a text’s vector alone and in its call.',
  ].join('\n\n')
}
