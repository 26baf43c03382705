import { join } from 'node:path'
import { writeWhole } from '../io/folder.node.ts'
import type { StudyResults } from '../report/results.ts'
import { seedsMarkdown } from '../report/seeds.ts'
import type { StudyOptions } from '../study/settings.ts'
import { runStudy } from '../study/study.ts'
import { tableCells } from '../report/table.ts'
import { columns } from './columns.ts'
import { UsageError } from './failure.ts'
import { interruptible } from './interruptible.ts'
import { createProgress } from './progress.ts'
import { preparationOf, type DeviceKind, type PreparationFlags } from './values.ts'

interface StudyFlags extends PreparationFlags {
  model?: string
  data: string
  test?: string
  validation?: string
  unlabelled?: string
  text?: string
  label?: string
  variants: string
  devices?: DeviceKind[]
  minutes?: number
  quick?: boolean
  out: string
  fresh?: boolean
  tuning: boolean
  student?: string
  passes?: number
  hiddenWeight: number
  seed: number
  seeds: number
  threads?: number
  json?: boolean
}

/** Minutes on two cores; what measuring and writing take beside the plan is inside. */
const DEFAULT_MINUTES = 9
const QUICK_MINUTES = 1.75

/** Runs a study; the first Ctrl-C lets it write what is finished, the second ends at once. */
export async function studyCommand(flags: StudyFlags): Promise<void> {
  const idle = flags.passes !== undefined ? '--passes' : flags.hiddenWeight > 0 ? '--hidden-weight' : null
  if (!flags.tuning && idle)
    throw new UsageError(`${idle} is of the training that --no-tuning leaves out; give one of them`)
  await interruptible('stopping: the finished rows are being written', (signal) => runSeeds(flags, signal))
}

async function runSeeds(flags: StudyFlags, signal: AbortSignal): Promise<void> {
  const finished: StudyResults[] = []
  for (let seed = flags.seed; seed < flags.seed + flags.seeds; seed++) {
    // seeds after the first have folders of their own; the first is what a single seed would be
    const out = seed === flags.seed ? flags.out : join(flags.out, `seed-${seed}`)
    const { results, stopped } = await runStudy(optionsOf(flags, seed, out), createProgress(), signal)
    process.stdout.write(flags.json ? `${JSON.stringify(results)}\n` : summary(results, out))
    if (stopped) {
      process.stderr.write(`stopped with ${results.rows.length} rows finished; run the same command again to go on\n`)
      process.exitCode = 130
      return
    }
    finished.push(results)
  }
  if (flags.seeds > 1) {
    await writeWhole(join(flags.out, 'seeds.md'), [seedsMarkdown(finished)])
    if (!flags.json) process.stdout.write(`${flags.out}/seeds.md\n`)
  }
}

const optionsOf = (flags: StudyFlags, seed: number, out: string): StudyOptions => ({
  model: flags.model ?? 'scratch',
  data: flags.data,
  test: flags.test ?? null,
  validation: flags.validation ?? null,
  unlabelled: flags.unlabelled ?? null,
  text: flags.text ?? null,
  label: flags.label ?? null,
  preparation: preparationOf(flags),
  seed,
  quick: flags.quick ?? false,
  minutes: flags.minutes ?? (flags.quick ? QUICK_MINUTES : DEFAULT_MINUTES),
  isTuned: flags.tuning,
  student: flags.student ?? null,
  passes: flags.passes ?? null,
  hiddenWeight: flags.hiddenWeight,
  out,
  variants: flags.variants,
  devices: flags.devices ?? null,
  threads: flags.threads ?? 0,
  fresh: flags.fresh ?? false,
})

/** The table in columns for a terminal, then where the files are. */
function summary(results: StudyResults, out: string): string {
  const baseline = results.rows.find((row) => row.id === 'baseline')
  const gpu = results.rows.some((row) => row.gpu?.software) ? 'software GPU, s' : 'GPU, s'
  const table = [['variant', 'MB', 'F1 [95 %]', 'F1 lost, %', gpu, 'CPU, s']]
  for (const row of results.rows) {
    const { id, ours } = tableCells(row, baseline)
    table.push([id, ours.size, ours.f1, ours.loss, ours.gpu, ours.cpu])
  }
  const lines = columns(table, [...table[0].keys()])
  for (const { aim, id, reason } of results.recommendations) lines.push(`${aim}: ${id} (${reason})`)
  lines.push('', `${out}/table.md  ${out}/report.html  ${out}/results.json  ${out}/models/`)
  return `${lines.join('\n')}\n`
}
