import { buildProgram } from '../model/bert.ts'
import { openClassifier } from '../study/classifier.ts'
import { loadRows } from '../study/rows.ts'
import { openDevice } from '../study/devices.ts'
import { encodeTexts, predict, runLogits } from '../study/evaluate.ts'
import { matchLabels } from '../study/labels.ts'
import { confusionMatrix, f1Interval, scores } from '../study/statistics.ts'
import { createProgress } from './progress.ts'
import type { DeviceKind } from './values.ts'

interface EvaluateFlags {
  data: string
  text?: string
  label?: string
  device: DeviceKind
  threads?: number
  seed: number
  json?: boolean
}

/** Scores a classifier on every row of a file (of builtin:reviews, on its test rows). */
export async function evaluateCommand(source: string, flags: EvaluateFlags): Promise<void> {
  const reporter = createProgress()
  const { weights, tokenizer } = await openClassifier(source)
  const data = await loadRows(flags.data, { text: flags.text, label: flags.label, seed: flags.seed, part: 'test' })
  const { labels } = weights.config
  const match = matchLabels(data.labels, labels, source)
  for (const note of [...data.notes, match.note]) if (note) reporter.note(note)
  const expected = data.rows.map(({ label }) => match.order[label])
  const encoded = encodeTexts(
    tokenizer,
    data.rows.map(({ text }) => text),
    weights.config.maxPositions,
  )
  if (encoded.truncated)
    reporter.note(
      `${encoded.truncated} texts are longer than the model's ${weights.config.maxPositions} positions and lost their end`,
    )
  const device = await openDevice(flags.device, flags.threads ?? 0)
  try {
    const session = await device.load(buildProgram(weights, 'logits'))
    reporter.stage(`evaluating on ${device.info().name}`)
    const began = performance.now()
    const logits = await runLogits(session, encoded.ids, labels.length, { progress: reporter.progress })
    const seconds = (performance.now() - began) / 1000
    session.dispose()
    reporter.done()
    const predicted = predict(logits, labels.length)
    const confusion = confusionMatrix(expected, predicted, labels.length)
    const result = {
      n: expected.length,
      ...scores(confusion),
      ...intervalOf(expected, predicted, labels.length, flags.seed),
      labels,
      confusion,
      truncated: encoded.truncated,
      device: device.info().name,
      software: device.info().software,
      seconds,
    }
    process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : words(result))
  } finally {
    await device.dispose()
  }
}

function intervalOf(expected: number[], predicted: Int32Array, labels: number, seed: number) {
  const { low, high } = f1Interval(expected, predicted, labels, { seed })
  return { f1Low: low, f1High: high }
}

function words(result: {
  n: number
  f1: number
  f1Low: number
  f1High: number
  accuracy: number
  precision: number
  recall: number
  labels: string[]
  confusion: number[][]
  seconds: number
}): string {
  const { n, f1, f1Low, f1High, accuracy, precision, recall, labels, confusion, seconds } = result
  const width = Math.max(...labels.map((label) => label.length), 8)
  return [
    `${n} texts in ${seconds.toFixed(2)} s`,
    `F1 ${f1.toFixed(4)} [${f1Low.toFixed(4)}, ${f1High.toFixed(4)}], accuracy ${accuracy.toFixed(4)}, precision ${precision.toFixed(4)}, recall ${recall.toFixed(4)}`,
    `${'is / said'.padEnd(width)}  ${labels.map((label) => label.padStart(width)).join('  ')}`,
    ...confusion.map(
      (row, i) => `${labels[i].padEnd(width)}  ${row.map((count) => String(count).padStart(width)).join('  ')}`,
    ),
    '',
  ].join('\n')
}
