// The filter: texts in, classes out, one line for each line, in order. Batches are cut from what has arrived, so that
// a slow writer sees its answers at once and a fast one fills whole batches.

import { once } from 'node:events'
import { StringDecoder } from 'node:string_decoder'
import { openClassifier, startClassifier } from '../inference/classifier.ts'
import { openDevice } from '../inference/devices.ts'
import { predict } from '../inference/logits.ts'
import type { TextModel } from '../inference/text-model.ts'
import { scoresOf } from '../model/scores.ts'
import type { DeviceKind } from './values.ts'

/** How standard input is read, and where it is classified. */
interface FilterOptions {
  input: 'auto' | 'lines' | 'jsonl'
  batch: number
  device: DeviceKind
  threads?: number
}

/** What one line asks for; other fields of a JSON line go through to its answer. */
interface Asked {
  text: string
  fields: Record<string, unknown>
}

/** A longer line is not a text. */
const MAX_LINE_CHARACTERS = 16_000_000

export async function classifyCommand(source: string, flags: FilterOptions): Promise<void> {
  const opened = await openClassifier(source)
  try {
    await classifyLines(opened, flags)
  } finally {
    await opened.close()
  }
}

async function classifyLines(opened: TextModel, { device: kind, threads, input, batch }: FilterOptions): Promise<void> {
  const { labels, maxPositions } = opened.weights.config
  const toScores = scoresOf(opened.weights.config)
  const { device } = await openDevice({ device: kind, threads })
  try {
    const classifier = await startClassifier(opened, device)
    for await (const asked of batches(parseLines(process.stdin, input), batch)) {
      const logits = await classifier.logits(classifier.encode(asked.map(({ text }) => text)))
      const classes = predict(logits, labels.length)
      const lines = asked.map(({ text, fields }, i) => {
        const own = logits.subarray(i * labels.length, (i + 1) * labels.length)
        const score = Number(toScores(own)[classes[i]].toPrecision(6))
        return `${JSON.stringify({ ...fields, text, label: labels[classes[i]], score })}\n`
      })
      if (!process.stdout.write(lines.join(''))) await once(process.stdout, 'drain')
    }
    await classifier.dispose()
    if (classifier.encoded.truncated > 0)
      process.stderr.write(
        `${classifier.encoded.truncated} texts are longer than the model's ${maxPositions} positions and lost their end\n`,
      )
  } finally {
    await device.dispose()
  }
}

/** Groups of at most `size`; what arrived together stays together. */
async function* batches(chunks: AsyncIterable<Asked[]>, size: number): AsyncGenerator<Asked[]> {
  for await (const chunk of chunks) for (let at = 0; at < chunk.length; at += size) yield chunk.slice(at, at + size)
}

/** The whole lines of each piece that arrives; the last line may lack its end. Of JSONL empty lines are left out. */
export async function* parseLines(
  input: AsyncIterable<Buffer | string>,
  format: FilterOptions['input'],
): AsyncGenerator<Asked[]> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let number = 0
  let isJson = format === 'jsonl'
  const parse = (line: string): Asked[] => {
    number++
    // a byte order mark is not part of the first text
    const text = (number === 1 ? line.replace(/^\uFEFF/, '') : line).replace(/\r$/, '')
    if (number === 1 && format === 'auto') isJson = looksLikeJson(text)
    if (!isJson) return [{ text, fields: {} }]
    return text.trim() === '' ? [] : [parseJsonLine(text, number)]
  }
  for await (const piece of input) {
    const lines = (rest + (typeof piece === 'string' ? piece : decoder.write(piece))).split('\n')
    rest = lines.pop()!
    if (rest.length > MAX_LINE_CHARACTERS)
      throw new Error(
        `stdin: line ${number + lines.length + 1} is longer than ${MAX_LINE_CHARACTERS} characters; expected one text a line`,
      )
    const asked = lines.flatMap(parse)
    if (asked.length) yield asked
  }
  rest += decoder.end()
  if (rest !== '') yield parse(rest)
}

/** The first line decides: an object with a text makes it JSONL. */
function looksLikeJson(line: string): boolean {
  if (!line.trimStart().startsWith('{')) return false
  try {
    return typeof (JSON.parse(line) as { text?: unknown }).text === 'string'
  } catch {
    return false
  }
}

function parseJsonLine(line: string, number: number): Asked {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new Error(
      `stdin: line ${number} is not JSON (${(error as Error).message}); give --input lines for plain text`,
      { cause: error },
    )
  }
  const fields = value as Record<string, unknown> | null
  if (typeof fields !== 'object' || fields === null || typeof fields.text !== 'string')
    throw new Error(`stdin: line ${number} has no string "text"; expected {"text": "..."} on every line`)
  return { text: fields.text, fields }
}
