// `evaluate`: scores a classifier on labelled texts.

import { loadRows } from '../data/rows.ts'
import { evaluateClassifier } from '../evaluation/evaluate.ts'
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
  const { device, threads, seed } = flags
  const reporter = createProgress()
  const data = await loadRows(flags.data, { text: flags.text, label: flags.label, seed })
  for (const note of data.notes) reporter.note(note)
  const result = await evaluateClassifier(source, data, {
    device,
    threads,
    seed,
    preparation: preparationOf(flags),
    reporter,
  })
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(result)}\n`
      : `${result.n} texts in ${result.seconds.toFixed(2)} s\n${scoreWords(result)}`,
  )
}
