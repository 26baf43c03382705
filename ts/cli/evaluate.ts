// `evaluate`: scores a classifier on labelled texts.

import { matchLabels } from '../data/labels.ts'
import { loadRows } from '../data/rows.ts'
import { testScores } from '../evaluation/scores.ts'
import { openClassifier, startClassifier } from '../inference/classifier.ts'
import { openDevice } from '../inference/devices.ts'
import { predict } from '../inference/logits.ts'
import type { TextModel } from '../inference/text-model.ts'
import { createProgress } from './progress.ts'
import { scoreWords } from './scores.ts'
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

async function evaluate(source: string, opened: TextModel, flags: EvaluateFlags): Promise<void> {
  const { labels, maxPositions, preparation = null } = opened.weights.config
  const reporter = createProgress()
  const data = await loadRows(flags.data, { text: flags.text, label: flags.label, seed: flags.seed })
  const match = matchLabels(data.labels, labels, source)
  for (const note of [...data.notes, match.note]) if (note) reporter.note(note)
  const expected = data.rows.map(({ label }) => match.order[label])
  const { device } = await openDevice({ device: flags.device, threads: flags.threads })
  try {
    const classifier = await startClassifier(opened, device)
    const ids = classifier.encode(data.rows.map(({ text }) => text))
    const { truncated } = classifier.encoded
    if (truncated)
      reporter.note(`${truncated} texts are longer than the model's ${maxPositions} positions and lost their end`)
    const { name, software } = device.info()
    reporter.stage(`evaluating on ${name}`)
    const began = performance.now()
    const logits = await classifier.logits(ids, { progress: reporter.progress })
    const seconds = (performance.now() - began) / 1000
    await classifier.dispose()
    reporter.done()
    const scores = testScores(expected, predict(logits, labels.length), labels, flags.seed)
    const result = { ...scores, truncated, preparation, device: name, software, seconds }
    process.stdout.write(
      flags.json
        ? `${JSON.stringify(result)}\n`
        : `${result.n} texts in ${seconds.toFixed(2)} s\n${scoreWords(result)}`,
    )
  } finally {
    await device.dispose()
  }
}
