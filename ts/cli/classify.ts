// The filter: texts in, classes out, one line for each line, in order. Batches are cut from what has arrived, so that
// a slow writer sees its answers at once and a fast one fills whole batches.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { openClassifier, rankLabels, startClassifier, type LabelScore } from '../inference/classifier.ts'
import { openDeviceFor } from '../inference/devices.ts'
import type { TextModel } from '../inference/text-model.ts'
import { openAnswerFile, type AnswerFile } from './answer-file.ts'
import { UsageError } from './failure.ts'
import { parseLines, type Asked, type InputFormat, type Unreadable } from './stdin-lines.ts'
import type { DeviceName } from './values.ts'

/** What is read and how, where it is classified, which labels are told, and where answers go. */
interface FilterOptions {
  /** the file with the texts; standard input by default */
  in?: string
  /** the file of the answers; standard output by default */
  out?: string
  /** go on after the lines that `out` holds */
  resume?: boolean
  /** a line that cannot be read: its answer is an error, or the run ends there */
  onError: 'continue' | 'stop'
  input: InputFormat
  batch: number
  device: DeviceName
  threads?: number
  wide?: boolean
  /** most labels in `labels` of an answer */
  topK?: number
  /** least score of the labels in `labels` of an answer */
  threshold?: number
}

export async function classifyCommand(source: string, flags: FilterOptions): Promise<void> {
  if (flags.resume && flags.out === undefined) throw new UsageError('--resume goes on after the lines of --out FILE')
  const opened = await openClassifier(source)
  try {
    const answers = flags.out === undefined ? standardOutput() : await openAnswerFile(flags.out, flags.resume ?? false)
    try {
      await classifyLines(opened, flags, answers)
    } finally {
      await answers.close()
    }
  } finally {
    await opened.close()
  }
}

const standardOutput = (): AnswerFile => ({
  answered: 0,
  write: async (text) => {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  },
  close: async () => {},
})

async function classifyLines(opened: TextModel, flags: FilterOptions, answers: AnswerFile): Promise<void> {
  const { config } = opened.weights
  const name = flags.in ?? 'stdin'
  const input = flags.in === undefined ? process.stdin : createReadStream(flags.in)
  const { device, model, notes, decision } = await openDeviceFor(opened, {
    device: flags.device,
    threads: flags.threads,
    wide: flags.wide,
  })
  const note = (text: string): void => void process.stderr.write(`${text}\n`)
  if (decision) notes.forEach(note)
  let [unreadable, renamed] = [0, 0]
  let first: Unreadable | null = null
  try {
    const classifier = await startClassifier(model, device)
    const listed = listedLabels(flags, config.problemType === 'multi_label_classification')
    const lines = after(parseLines(input, flags.input, note, name), answers.answered)
    for await (const whole of batches(lines, flags.batch)) {
      const bad = whole.findIndex((line) => !isAsked(line))
      const stopsAt = flags.onError === 'stop' && bad >= 0 ? bad : whole.length
      const batch = whole.slice(0, stopsAt)
      const asked = batch.filter(isAsked)
      const ranked = asked.length ? rankLabels(config, await classifier.logits(classifier.encode(asked))) : []
      const told = new Map(asked.map((line, i) => [line as Asked | Unreadable, ranked[i]]))
      const answersOf = batch.map((line) => answerOf(line, told.get(line), listed, name))
      await answers.write(answersOf.map(({ answer }) => `${JSON.stringify(answer)}\n`).join(''))
      renamed += answersOf.filter(({ isRenamed }) => isRenamed).length
      unreadable += batch.length - asked.length
      if (bad >= 0) first ??= whole[bad] as Unreadable
      if (stopsAt < whole.length) break
    }
    await classifier.dispose()
    if (classifier.encoded.truncated > 0)
      note(
        `${classifier.encoded.truncated} texts are longer than the model's ${config.maxPositions} positions and lost their end`,
      )
    if (renamed > 0)
      note(
        `${renamed} lines have a label, labels, score or error of their own: they are kept, the answer's are called predicted_label and so on`,
      )
  } finally {
    await device.dispose()
  }
  if (first)
    throw new Error(
      `${name}: line ${first.line} ${first.error}${unreadable > 1 ? ` (and ${unreadable - 1} more such lines)` : ''}; ${flags.onError === 'stop' ? 'the lines before it were classified' : 'the others were classified'}`,
    )
}

const isAsked = (line: Asked | Unreadable): line is Asked => 'text' in line

/** Which of the ranked labels an answer lists; null where the best alone is told, as of labels that compete. */
function listedLabels(
  { topK, threshold }: FilterOptions,
  isMultiLabel: boolean,
): ((ranked: LabelScore[]) => LabelScore[]) | null {
  if (topK === undefined && threshold === undefined && !isMultiLabel) return null
  return (ranked) => ranked.filter(({ score }) => score >= (threshold ?? -Infinity)).slice(0, topK)
}

const ANSWER_FIELDS = ['label', 'score', 'labels', 'error']

/** The fields of the line, then those of the answer, under other names where the line has such fields itself. */
function answerOf(
  line: Asked | Unreadable,
  ranked: LabelScore[] = [],
  listed: ((ranked: LabelScore[]) => LabelScore[]) | null,
  name: string,
): { answer: object; isRenamed: boolean } {
  if (!isAsked(line)) return { answer: { error: `${name}: line ${line.line} ${line.error}` }, isRenamed: false }
  const rounded = ranked.map(({ label, score }) => ({ label, score: Number(score.toPrecision(6)) }))
  const [{ label, score }] = rounded
  const told = { label, score, ...(listed && { labels: listed(rounded) }) }
  const isRenamed = ANSWER_FIELDS.some((field) => Object.hasOwn(line.fields, field))
  const named = isRenamed
    ? Object.fromEntries(Object.entries(told).map(([key, value]) => [`predicted_${key}`, value]))
    : told
  return { answer: { ...line.fields, text: line.text, ...named }, isRenamed }
}

/** The lines after the first `count`, which have their answers. */
async function* after<T>(chunks: AsyncIterable<T[]>, count: number): AsyncGenerator<T[]> {
  let left = count
  for await (const chunk of chunks) {
    if (left < chunk.length) yield left > 0 ? chunk.slice(left) : chunk
    left = Math.max(0, left - chunk.length)
  }
}

/** Groups of at most `size`; what arrived together stays together. */
async function* batches<T>(chunks: AsyncIterable<T[]>, size: number): AsyncGenerator<T[]> {
  for await (const chunk of chunks) for (let at = 0; at < chunk.length; at += size) yield chunk.slice(at, at + size)
}
