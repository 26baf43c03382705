import { buildProgram } from '../model/bert.ts'
import { openClassifier, type OpenedClassifier } from '../inference/classifier.ts'
import { loadRows } from '../data/rows.ts'
import { openDevice } from '../inference/study-devices.ts'
import { encodeTexts, predict, runLogits } from '../inference/evaluate.ts'
import { matchLabels } from '../data/labels.ts'
import { createProgress } from './progress.ts'
import { scoreWords } from './scores.ts'
import { testScores } from '../evaluation/scores.ts'
import { preparationOf, type DeviceKind, type PreparationFlags } from './values.ts'

interface EvaluateFlags extends PreparationFlags {
  data: string
  text?: string
  label?: string
  device: DeviceKind
  threads?: number
  seed: number
  json?: boolean
}

/** Scores a classifier on every row of a file or files (of builtin:reviews, on its test rows). */
export async function evaluateCommand(source: string, flags: EvaluateFlags): Promise<void> {
  const opened = await openClassifier(source, { preparation: preparationOf(flags) })
  try {
    await evaluate(source, opened, flags)
  } finally {
    await opened.close()
  }
}

async function evaluate(source: string, opened: OpenedClassifier, flags: EvaluateFlags): Promise<void> {
  const { weights, tokenizer, close } = opened
  const reporter = createProgress()
  const data = await loadRows(flags.data, { text: flags.text, label: flags.label, seed: flags.seed })
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
    await close()
    reporter.stage(`evaluating on ${device.info().name}`)
    const began = performance.now()
    const logits = await runLogits(session, encoded.ids, labels.length, { progress: reporter.progress })
    const seconds = (performance.now() - began) / 1000
    session.dispose()
    reporter.done()
    const predicted = predict(logits, labels.length)
    const result = {
      ...testScores(expected, predicted, labels, flags.seed),
      truncated: encoded.truncated,
      preparation: weights.config.preparation ?? null,
      device: device.info().name,
      software: device.info().software,
      seconds,
    }
    process.stdout.write(
      flags.json
        ? `${JSON.stringify(result)}\n`
        : `${result.n} texts in ${seconds.toFixed(2)} s\n${scoreWords(result)}`,
    )
  } finally {
    await device.dispose()
  }
}
