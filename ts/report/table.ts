// table.md: what was measured here; the paper's own table and what emulation measured are in sections of their own.

import { markdownTable } from 'markdown-table'
import { floorWarning, FLOOR_NAMES } from '../evaluation/floors.ts'
import { METRIC_NAMES } from '../evaluation/statistics.ts'
import { dataWords, studyWords } from './about.ts'
import { MACHINES_TITLE, MACHINES_WORDS, machinesTable } from './merge.ts'
import { PAPER_TITLE, PAPER_WORDS, paperTable } from './paper-table.ts'
import { shortNumber } from './numbers.ts'
import { lossPoints } from './recommend.ts'
import { ratio, type Latency, type ShapeTime, type StudyResults, type StudyRow } from './results.ts'

const times = (value: number | null): string => (value === null ? '' : ` (${shortNumber(value)}x)`)

/** What every adapter that is not one is called, wherever it is shown. */
export const SOFTWARE_GPU = 'software GPU (emulated)'

/** Whether a real GPU was measured: an emulated one has no place beside other figures. */
export const hasGpu = (results: StudyResults): boolean => results.rows.some(({ gpu }) => gpu && !gpu.software)
export const hasSoftwareGpu = (results: StudyResults): boolean => results.rows.some(({ gpu }) => gpu?.software)

/** Milliseconds a text, and how many times as fast as the baseline; '=' marks what cannot be told from it. */
function timeWords(latency: Latency | null): string {
  if (!latency) return '—'
  const { medianMs, speed } = latency
  const ms = shortNumber(medianMs)
  return speed ? `${ms} (${speed.isTie ? '= ' : ''}${shortNumber(speed.ratio)}x)` : ms
}

/** What a row loses, with its interval and what that says. */
function lossWords(row: StudyRow): string {
  const said = row.change === 'open' ? (row.isNoWorse ? 'no worse' : 'open') : row.change
  return `${lossPoints(row)} ${row.change === 'mixed' ? 'mixed: MCC is lower' : said}`
}

export interface TableCells {
  id: string
  ours: {
    size: string
    kept: string
    /** the deciding measure with its interval */
    score: string
    f1: string
    mcc: string
    accuracy: string
    validation: string
    loss: string
    gpu: string
    cpu: string
    agreement: string
    make: string
  }
  note: string
}

/** The cells of one row as text; times in milliseconds, in brackets how many times as fast as the baseline. */
export function tableCells(row: StudyRow, { rows, settings: { metric } }: StudyResults): TableCells {
  const baseline = rows.find(({ id }) => id === 'baseline')
  const isBaseline = row.id === 'baseline'
  return {
    id: row.id,
    ours: {
      size: `${shortNumber(row.bytes / 1e6)}${isBaseline ? '' : times(ratio(baseline?.bytes, row.bytes))}`,
      kept: row.kept.toFixed(row.kept < 0.1 ? 3 : 2),
      score: `${row[metric].toFixed(3)} [${row.low.toFixed(3)}, ${row.high.toFixed(3)}]`,
      f1: row.f1.toFixed(3),
      mcc: row.mcc.toFixed(3),
      accuracy: row.accuracy.toFixed(3),
      validation: row.validation.toFixed(3),
      loss: isBaseline ? '' : lossWords(row),
      gpu: row.gpu?.software ? '—' : timeWords(row.gpu),
      cpu: timeWords(row.cpu),
      agreement: row.agreement.toFixed(3),
      make: row.makeSeconds < 0.5 ? '0' : row.makeSeconds.toFixed(0),
    },
    note: row.note,
  }
}

/** What a reader must know before anything else: that a floor does better than the baseline; '' where none does. */
export function headline({ rows, floors, settings: { metric } }: StudyResults): string {
  const baseline = rows.find(({ id }) => id === 'baseline')
  return baseline ? floorWarning(floors, baseline, metric).replace('this model', 'the baseline') : ''
}

/** One sentence on where and on what the rows were measured. */
export function setting(results: StudyResults): string {
  const { machine, engine, data, model } = results
  const timed = results.rows.find((row) => row.cpu)?.cpu
  return (
    `${data.name}: ${data.train} texts to train on, ${data.validation} to choose by, ${data.test} to test; ` +
    `model ${model.shape}, ${model.trained}; seed ${results.seed}. ` +
    `${machine.cpu}, ${machine.cores} cores; CPU: ${engine.cpu}; GPU: ${engine.gpu ?? 'not measured'}; ` +
    (timed ? `one text of ${timed.tokens} tokens, ${timed.threads} CPU threads; ` : '') +
    `Node ${engine.node}, ${results.date.slice(0, 10)}.`
  )
}

const levelWords = (family: number): string =>
  family === 1
    ? 'It is at the level 95 %.'
    : `It is at the level 1 - 0.05 / ${family}, so that what is said of all ${family} rows is right together in 95 % of the cases (Bonferroni).`

/** How the columns are to be read. */
export function explanation({ settings: { metric }, data, margin, family }: StudyResults): string {
  const name = METRIC_NAMES[metric]
  const of = data.positive === null ? 'the mean over the classes' : `that of '${data.positive}'`
  const points = 100 * margin
  return (
    `MB = 10^6 bytes of model.safetensors. Density: share of the baseline's encoder weights that are stored. ` +
    `What decides is ${name}, with a 95 % bootstrap interval; F1 is ${of}. Validation: ${name} on the texts that ranks, variants and recommendations are chosen by; everything else is of the test texts. ` +
    `Lost: points (of 100) of ${name} against the baseline, with a paired bootstrap interval. ${levelWords(family)} ` +
    `It is the only test: loss or gain where it does not hold 0 (a gain with a lower MCC is called mixed), no worse where all of it is below the margin of ${points} point${points === 1 ? '' : 's'}, else open. ` +
    `Times: median milliseconds a text, in brackets how many times as fast as the baseline; = marks a tie, where the interval of that ratio (same level, over the rounds in which both were timed) holds 1. ` +
    `Agreement: share of test texts in the baseline's class. Made in: seconds beyond the row it was made of.`
  )
}

interface Column {
  title: string
  align: 'l' | 'r'
  cell: (cells: TableCells) => string
}

/** The columns of the table, those that decide first; that of a GPU only where a real one was measured. */
function columnsOf(results: StudyResults): Column[] {
  const column = (title: string, cell: Column['cell'], align: Column['align'] = 'r'): Column => ({ title, align, cell })
  return [
    column('variant', ({ id }) => `\`${id}\``, 'l'),
    column('MB', ({ ours }) => ours.size),
    column('CPU, ms', ({ ours }) => ours.cpu),
    ...(hasGpu(results) ? [column('GPU, ms', ({ ours }) => ours.gpu)] : []),
    column(scoreTitle(results), ({ ours }) => ours.score),
    column('lost, points', ({ ours }) => ours.loss),
    column('validation', ({ ours }) => ours.validation),
    column('F1', ({ ours }) => ours.f1),
    column('MCC', ({ ours }) => ours.mcc),
    column('accuracy', ({ ours }) => ours.accuracy),
    column('agreement', ({ ours }) => ours.agreement),
    column('density', ({ ours }) => ours.kept),
    column('made in, s', ({ ours }) => ours.make),
  ]
}

/** Title of the deciding measure's column. */
export const scoreTitle = ({ settings: { metric } }: StudyResults): string => `${METRIC_NAMES[metric]} [95 %]`

/** Lines of floors: measures alone. */
function floorLines(results: StudyResults, titles: string[]): string[][] {
  const { metric } = results.settings
  return results.floors.map((floor) => {
    const of: Record<string, string> = {
      variant: `floor: ${FLOOR_NAMES[floor.id]}`,
      [scoreTitle(results)]: floor[metric].toFixed(3),
      F1: floor.f1.toFixed(3),
      MCC: floor.mcc.toFixed(3),
      accuracy: floor.accuracy.toFixed(3),
    }
    return titles.map((title) => of[title] ?? '')
  })
}

/** Times of a few rows: texts at a time x tokens of each. Empty where none were measured. */
export function shapesTable({ shapes }: StudyResults): string[][] {
  if (shapes.length === 0) return []
  const shapeOf = ({ batch, tokens }: ShapeTime): string => `${batch} x ${tokens}`
  const titles = [...new Set(shapes.map(shapeOf))]
  const rows = [...new Map(shapes.map((of) => [`${of.id} ${of.device}`, of])).values()]
  const lines = rows.map(({ id, device }) => [
    id,
    device.toUpperCase(),
    ...titles.map((title) => {
      const found = shapes.find((of) => of.id === id && of.device === device && shapeOf(of) === title)
      return found ? shortNumber(found.medianMs) : ''
    }),
  ])
  return [['variant', 'device', ...titles], ...lines]
}

export const SHAPES_WORDS =
  'Median milliseconds for so many texts at a time x so many tokens of each, of texts of random tokens, rows in turns at each shape.'

/** The times of a software GPU, which say that every row runs there and nothing of how fast a GPU is. */
function softwareLines(results: StudyResults): string[] {
  if (!hasSoftwareGpu(results)) return []
  const lines = results.rows.flatMap(({ id, gpu }) =>
    gpu?.software
      ? [
          [
            `\`${id}\``,
            shortNumber(gpu.medianMs),
            gpu.agreement.toFixed(3),
            gpu.maxDifference.toExponential(1),
            String(gpu.checked),
          ],
        ]
      : [],
  )
  const titles = ['variant', 'ms a text', 'agreement with the CPU', 'largest difference of a logit', 'texts']
  return [
    '',
    `## ${SOFTWARE_GPU[0].toUpperCase()}${SOFTWARE_GPU.slice(1)}`,
    '',
    `No real GPU was measured. ${results.engine.gpu ?? ''} runs the kernels on the CPU: it shows that every row runs on WebGPU and says what the CPU says, not how fast a GPU is.`,
    '',
    markdownTable([titles, ...lines], { align: [...'lrrrr'], alignDelimiters: false }),
  ]
}

/** A table in a section of its own; nothing without lines. */
function section([titles, ...lines]: string[][], title: string, words: string): string[] {
  if (!titles) return []
  const table = [titles, ...lines.map(([id, ...cells]) => [`\`${id}\``, ...cells])]
  return ['', `## ${title}`, '', words, '', markdownTable(table, { align: ['l', ...titles.slice(1).map(() => 'r')] })]
}

/** All rows and floors, as table.md has them. */
export function resultTable(results: StudyResults): string {
  const columns = columnsOf(results)
  const titles = columns.map(({ title }) => title)
  const rows = results.rows
    .map((row) => tableCells(row, results))
    .map((cells) => columns.map(({ cell }) => cell(cells)))
  return markdownTable([titles, ...rows, ...floorLines(results, titles)], {
    align: columns.map(({ align }) => align),
    alignDelimiters: false,
  })
}

/** The whole of table.md. */
export function tableMarkdown(results: StudyResults): string {
  const warning = headline(results)
  const lines = [
    ...(warning ? [`**${warning}.**`, ''] : []),
    '# Variants side by side',
    '',
    studyWords(),
    '',
    dataWords(results.data),
    '',
    setting(results),
    ...(results.finished
      ? []
      : ['', '**Not finished:** the rows below are whole, others are missing; run the same command again to go on.']),
    '',
    explanation(results),
    '',
    resultTable(results),
  ]
  if (results.recommendations.length) {
    lines.push(
      '',
      '## What to take',
      '',
      'Chosen on the validation texts; the measures are those of the test texts.',
      '',
    )
    for (const { aim, id, reason } of results.recommendations) lines.push(`- ${aim}: \`${id}\` (${reason})`)
  }
  lines.push(
    ...section(shapesTable(results), 'Times by length and batch', SHAPES_WORDS),
    ...softwareLines(results),
    ...section(machinesTable(results), MACHINES_TITLE, MACHINES_WORDS),
    ...section(paperTable(results.rows.map(({ id }) => id)), PAPER_TITLE, PAPER_WORDS),
  )
  const notes = results.rows.filter((row) => row.note !== '')
  if (notes.length || results.notes.length) {
    lines.push('', '## Notes', '')
    for (const row of notes) lines.push(`- \`${row.id}\`: ${row.note}`)
    for (const note of results.notes) lines.push(`- ${note}`)
  }
  return `${lines.join('\n')}\n`
}
