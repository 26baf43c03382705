// What a study of an embedder found: the contents of results.json, table.md and report.html.

import { markdownTable } from 'markdown-table'
import type { Mean } from '../evaluation/vectors.ts'
import type { ComputerInfo, EngineInfo } from './machine.ts'
import { shortNumber } from './numbers.ts'
import { escapeMarkup as e } from './plot.ts'
import type { Latency } from './results.ts'
import { STYLE } from './style.ts'

export const EMBEDDING_SCHEMA = 'compact-kernels/embedding-study/1'

export interface EmbeddingRow {
  id: string
  /** recipe as it was applied, ranks included; '' for none */
  recipe: string
  /** the model folder inside the study's folder */
  folder: string
  /** SHA-256 of the folder's model, 16 hex digits */
  modelDigest: string
  /** of model.safetensors */
  bytes: number
  /** of the baseline's bytes */
  share: number
  params: number
  /** to the vectors of the baseline; null where they are of another width */
  cosine: Mean | null
  /** share of the nearest neighbours kept */
  overlap: Mean
  makeSeconds: number
  /** one text of the usual length; null where it was not timed */
  cpu: Pick<Latency, 'threads' | 'tokens' | 'medianMs' | 'lowMs' | 'highMs' | 'n' | 'speed'> | null
  note: string
}

export interface EmbeddingResults {
  schema: typeof EMBEDDING_SCHEMA
  task: 'embed'
  /** what the measures are, in words */
  measures: { cosine: string; overlap: string }
  /** false while rows or times are missing */
  finished: boolean
  date: string
  machine: ComputerInfo
  engine: EngineInfo
  model: { source: string; shape: string; pooling: string }
  data: {
    source: string
    test: string
    train: number
    validation: number
    texts: number
    /** neighbours compared of each text */
    neighbours: number
    /** SHA-256 over all texts in order, first 16 hex digits */
    hash: string
  }
  seed: number
  rows: EmbeddingRow[]
  notes: string[]
}

export const MEASURES: EmbeddingResults['measures'] = {
  cosine: 'mean over the test texts of the cosine between the vector of the row and that of the uncompressed model',
  overlap:
    "mean over the test texts of the share of a text's ten nearest neighbours among the others, by the uncompressed model's vectors, that are among the ten nearest by the row's",
}

const interval = (of: Mean | null, digits: number): string =>
  of ? `${of.mean.toFixed(digits)} [${of.low.toFixed(digits)}, ${of.high.toFixed(digits)}]` : '—'

/** Cells of the table, the header first. */
export function embeddingCells({ rows, data }: EmbeddingResults): string[][] {
  const body = rows.map(({ id, recipe, bytes, share, cosine, overlap, cpu }) => {
    const time = cpu
      ? `${shortNumber(cpu.medianMs)}${cpu.speed ? ` (${cpu.speed.isTie ? '= ' : ''}${shortNumber(cpu.speed.ratio)}x)` : ''}`
      : '—'
    return [id, recipe, (bytes / 1e6).toFixed(2), share.toFixed(3), interval(cosine, 4), interval(overlap, 3), time]
  })
  return [['row', 'recipe', 'MB', 'of the bytes', 'cosine', `${data.neighbours} nearest kept`, 'CPU, ms'], ...body]
}

/** Paragraphs before the table. */
function words({ model, data, measures, machine, engine, rows }: EmbeddingResults): string[] {
  const timed = rows.find(({ cpu }) => cpu)?.cpu
  return [
    `${model.source}: ${model.shape}; vectors: ${model.pooling}.`,
    `${data.texts} test texts of ${data.test}, on which nothing was chosen or trained; ${data.train} training and ${data.validation} validation texts of ${data.source}.`,
    `Cosine: ${measures.cosine}. Nearest kept: ${measures.overlap}. In brackets 95 % intervals (bootstrap over the texts).`,
    ...(timed
      ? [
          `ms: one text of ${timed.tokens} tokens, ${timed.threads} ${timed.threads === 1 ? 'thread' : 'threads'}, median, in turns; in brackets how many times as fast as the baseline, '=' where that cannot be told from 1. ${machine.cpu}, ${machine.cores} cores, ${engine.name} ${engine.version}.`,
        ]
      : []),
  ]
}

const notesOf = ({ rows, notes }: EmbeddingResults): string[] => [
  ...rows.filter(({ note }) => note !== '').map(({ id, note }) => `${id}: ${note}`),
  ...notes,
]

export const embeddingMarkdown = (results: EmbeddingResults): string =>
  [
    ...words(results).flatMap((text) => [text, '']),
    markdownTable(embeddingCells(results), { align: [...'llrrrrr'], alignDelimiters: false }),
    '',
    ...notesOf(results).map((note) => `- ${note}`),
    '',
  ].join('\n')

export function embeddingHtml(results: EmbeddingResults): string {
  const [header, ...rows] = embeddingCells(results)
  const line = (cells: string[], tag: 'th' | 'td'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${e(cell)}</${tag}>`).join('')}</tr>`
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>Compressed embedders</title><style>${STYLE}</style>`,
    '<h1>Compressed embedders</h1>',
    ...words(results).map((text) => `<p>${e(text)}</p>`),
    `<div class="scroll"><table><thead>${line(header, 'th')}</thead><tbody>${rows.map((row) => line(row, 'td')).join('\n')}</tbody></table></div>`,
    `<h2>Notes</h2><ul>${notesOf(results)
      .map((note) => `<li>${e(note)}</li>`)
      .join('\n')}</ul></html>\n`,
  ].join('\n')
}
