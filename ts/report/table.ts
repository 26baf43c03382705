// table.md: the paper's columns, each beside the paper's own figure.

import { markdownTable } from 'markdown-table'
import { PAPER_BASELINE, PAPER_ROWS } from './paper.ts'
import { ratio, type StudyResults, type StudyRow } from './results.ts'

/** Three significant digits, never with an exponent. */
export function shortNumber(value: number): string {
  if (value === 0) return '0'
  const digits = Math.max(0, Math.min(7, 2 - Math.floor(Math.log10(Math.abs(value)))))
  return value.toFixed(digits)
}

const times = (value: number | null): string => (value === null ? '' : ` (${shortNumber(value)}x)`)
const orNone = (text: string | null): string => text ?? '—'

/** What every adapter that is not one is called, wherever it is shown. */
export const SOFTWARE_GPU = 'software GPU (emulated)'

/** 'GPU', or the emulation that takes its place. */
export const gpuTitle = (results: StudyResults): string =>
  results.rows.some((row) => row.gpu?.software) ? SOFTWARE_GPU : 'GPU'

/** The share of its parent's F1 that a row loses, in %, with its interval; '~' where chance explains it. */
function lossWords({ parent, loss, lossLow, lossHigh, isNoise }: StudyRow): string {
  const percent = (share: number): string => (100 * share).toFixed(1)
  const of = parent === 'baseline' ? '' : ` of ${parent}`
  return `${isNoise ? '~ ' : ''}${percent(loss)} [${percent(lossLow)}, ${percent(lossHigh)}]${of}`
}

export interface TableCells {
  id: string
  ours: {
    size: string
    kept: string
    f1: string
    loss: string
    gpu: string
    cpu: string
    agreement: string
    p: string
    make: string
  }
  /** null beyond the ten rows */
  paper: { size: string; f1: string; gpu: string; cpu: string } | null
  note: string
}

/** The cells of one row as text; times in seconds, in brackets how many times less than the baseline. */
export function tableCells(row: StudyRow, baseline: StudyRow | undefined): TableCells {
  const paper = PAPER_ROWS.get(row.id)
  const isBaseline = row.id === 'baseline'
  const against = (pick: (r: StudyRow) => number | undefined): string =>
    isBaseline || !baseline ? '' : times(ratio(pick(baseline), pick(row)))
  const paperTimes = (base: number | null, value: number | null): string =>
    isBaseline ? '' : times(ratio(base, value))
  return {
    id: row.id,
    ours: {
      size: `${shortNumber(row.bytes / 1e6)}${against((r) => r.bytes)}`,
      kept: row.kept.toFixed(row.kept < 0.1 ? 3 : 2),
      f1: `${row.f1.toFixed(3)} [${row.f1Low.toFixed(3)}, ${row.f1High.toFixed(3)}]`,
      loss: isBaseline ? '' : lossWords(row),
      gpu: orNone(row.gpu && `${shortNumber(row.gpu.medianMs / 1000)}${against((r) => r.gpu?.medianMs)}`),
      cpu: orNone(row.cpu && `${shortNumber(row.cpu.medianMs / 1000)}${against((r) => r.cpu?.medianMs)}`),
      agreement: row.agreement.toFixed(3),
      p: isBaseline ? '' : row.mcnemarP < 0.001 ? '< 0.001' : row.mcnemarP.toFixed(3),
      make: row.makeSeconds < 0.5 ? '0' : row.makeSeconds.toFixed(0),
    },
    paper: paper
      ? {
          size: `${paper.megabytes}${paperTimes(PAPER_BASELINE.megabytes, paper.megabytes)}`,
          f1: paper.f1.toFixed(3),
          gpu: orNone(
            paper.gpuSeconds === null
              ? null
              : `${paper.gpuSeconds}${paperTimes(PAPER_BASELINE.gpuSeconds, paper.gpuSeconds)}`,
          ),
          cpu: `${paper.cpuSeconds}${paperTimes(PAPER_BASELINE.cpuSeconds, paper.cpuSeconds)}`,
        }
      : null,
    note: row.note,
  }
}

/** One sentence on where and on what the rows were measured. */
export function setting(results: StudyResults): string {
  const { machine, engine, data, model } = results
  const timed = results.rows.find((row) => row.cpu)?.cpu
  return (
    `${data.name}: ${data.train} texts to train on, ${data.validation} to choose ranks by, ${data.test} to test; ` +
    `model ${model.shape}, ${model.trained}; seed ${results.seed}. ` +
    `${machine.cpu}, ${machine.cores} cores; CPU: ${engine.cpu}; GPU: ${engine.gpu ?? 'not measured'}; ` +
    (timed ? `one text of ${timed.tokens} tokens, ${timed.threads} CPU threads; ` : '') +
    `Node ${engine.node}, ${results.date.slice(0, 10)}.`
  )
}

const headerOf = (gpu: string): string[] => [
  'variant',
  'MB',
  'paper',
  'density',
  'F1 [95 %]',
  'paper',
  'F1 lost, %',
  `${gpu}, s`,
  'paper GPU',
  'CPU, s',
  'paper CPU',
  'agreement',
  'McNemar p',
  'made in, s',
]

function lineOf(row: StudyRow, baseline: StudyRow | undefined): string[] {
  const { ours, paper } = tableCells(row, baseline)
  return [
    `\`${row.id}\``,
    ours.size,
    paper?.size ?? '',
    ours.kept,
    ours.f1,
    paper?.f1 ?? '',
    ours.loss,
    ours.gpu,
    paper?.gpu ?? '',
    ours.cpu,
    paper?.cpu ?? '',
    ours.agreement,
    ours.p,
    ours.make,
  ]
}

/** The whole of table.md. */
export function tableMarkdown(results: StudyResults): string {
  const baseline = results.rows.find((row) => row.id === 'baseline')
  const title = gpuTitle(results)
  const lines = [
    '# Variants side by side',
    '',
    setting(results),
    ...(results.finished
      ? []
      : ['', '**Not finished:** the rows below are whole, others are missing; run the same command again to go on.']),
    '',
    `MB = 10^6 bytes of model.safetensors; times in seconds a text, in brackets how many times less than the baseline; "paper" columns are the paper's own figures for its own model and machines. "Density" is the share of the baseline's encoder weights that are stored; what that gains in time is in the columns of time. "F1 lost" is the share of the F1 of the row it was made of (the baseline, or where it says so the student), in %, with a paired 95 % bootstrap interval; ~ marks a difference that chance explains (McNemar's p at least 0.05 against that row). "Made in" is the seconds that the row took beyond its parent.`,
    ...(title === 'GPU'
      ? []
      : [
          '',
          `No real GPU was measured: the GPU column is a **${SOFTWARE_GPU}**, it shows that every row runs, not how fast a GPU is.`,
        ]),
    '',
    markdownTable([headerOf(title), ...results.rows.map((row) => lineOf(row, baseline))], {
      align: [...'lrrrlrlrrrrrrr'],
      alignDelimiters: false,
    }),
  ]
  if (results.recommendations.length) {
    lines.push('', '## What to take', '')
    for (const { aim, id, reason } of results.recommendations) lines.push(`- ${aim}: \`${id}\` (${reason})`)
  }
  const notes = results.rows.filter((row) => row.note !== '')
  if (notes.length || results.notes.length) {
    lines.push('', '## Notes', '')
    for (const row of notes) lines.push(`- \`${row.id}\`: ${row.note}`)
    for (const note of results.notes) lines.push(`- ${note}`)
  }
  return `${lines.join('\n')}\n`
}
