// The filter: texts in, classes out, one line for each line, in order. Batches are cut from what has arrived, so that
// a slow writer sees its answers at once and a fast one fills whole batches.

import { once } from 'node:events'
import { openClassifier, rankLabels, startClassifier, type LabelScore } from '../inference/classifier.ts'
import { openDevice } from '../inference/devices.ts'
import type { TextModel } from '../inference/text-model.ts'
import { parseLines, type Asked, type InputFormat, type Unreadable } from './stdin-lines.ts'
import type { DeviceKind } from './values.ts'

/** How standard input is read, where it is classified, and which labels are told. */
interface FilterOptions {
  input: InputFormat
  batch: number
  device: DeviceKind
  threads?: number
  /** most labels in `labels` of an answer */
  topK?: number
  /** least score of the labels in `labels` of an answer */
  threshold?: number
}

export async function classifyCommand(source: string, flags: FilterOptions): Promise<void> {
  const opened = await openClassifier(source)
  try {
    await classifyLines(opened, flags)
  } finally {
    await opened.close()
  }
}

async function classifyLines(opened: TextModel, flags: FilterOptions): Promise<void> {
  const { config } = opened.weights
  const { device } = await openDevice({ device: flags.device, threads: flags.threads })
  const note = (text: string): void => void process.stderr.write(`${text}\n`)
  const unreadable: Unreadable[] = []
  try {
    const classifier = await startClassifier(opened, device)
    const listed = listedLabels(flags, config.problemType === 'multi_label_classification')
    for await (const batch of batches(parseLines(process.stdin, flags.input, note), flags.batch)) {
      const asked = batch.filter(isAsked)
      unreadable.push(...batch.filter((line): line is Unreadable => !isAsked(line)))
      const ranked = asked.length ? rankLabels(config, await classifier.logits(classifier.encode(asked))) : []
      const answers = new Map(asked.map((line, i) => [line as Asked | Unreadable, ranked[i]]))
      const lines = batch.map((line) => `${JSON.stringify(answerOf(line, answers.get(line), listed))}\n`)
      if (!process.stdout.write(lines.join(''))) await once(process.stdout, 'drain')
    }
    await classifier.dispose()
    if (classifier.encoded.truncated > 0)
      note(
        `${classifier.encoded.truncated} texts are longer than the model's ${config.maxPositions} positions and lost their end`,
      )
  } finally {
    await device.dispose()
  }
  if (unreadable.length > 0)
    throw new Error(
      `stdin: line ${unreadable[0].line} ${unreadable[0].error}${unreadable.length > 1 ? ` (and ${unreadable.length - 1} more such lines)` : ''}; the others were classified`,
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

function answerOf(
  line: Asked | Unreadable,
  ranked: LabelScore[] = [],
  listed: ((ranked: LabelScore[]) => LabelScore[]) | null,
): object {
  if (!isAsked(line)) return { error: `stdin: line ${line.line} ${line.error}` }
  const rounded = ranked.map(({ label, score }) => ({ label, score: Number(score.toPrecision(6)) }))
  const [{ label, score }] = rounded
  return { ...line.fields, text: line.text, label, score, ...(listed && { labels: listed(rounded) }) }
}

/** Groups of at most `size`; what arrived together stays together. */
async function* batches<T>(chunks: AsyncIterable<T[]>, size: number): AsyncGenerator<T[]> {
  for await (const chunk of chunks) for (let at = 0; at < chunk.length; at += size) yield chunk.slice(at, at + size)
}
