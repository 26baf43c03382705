// `compress --budget` and `--max-loss` in words: the goal, and the ledger that a choice was made from.

import type { BudgetGoal, BudgetLedger } from '../budget/budget.ts'
import { shortNumber } from '../report/numbers.ts'
import { columns } from './columns.ts'
import type { AskedGoal } from './values.ts'

/** The goal that the options name, and how config.recipe calls it. */
export function goalOf({ budget, maxLoss, fastest }: { budget?: AskedGoal; maxLoss?: AskedGoal; fastest?: boolean }): {
  goal: BudgetGoal
  text: string
} {
  if (budget) {
    const isTime = budget.unit === 'ms'
    return { goal: { kind: isTime ? 'ms' : 'bytes', limit: budget.amount }, text: `budget:${budget.text}` }
  }
  return {
    goal: { kind: 'loss', share: maxLoss!.amount, least: fastest ? 'ms' : 'bytes' },
    text: `max-loss:${maxLoss!.text}`,
  }
}

/** What a stem begins with before the number of its layer, or where it has none before its last two parts. */
const BEFORE_LAYER = /^.*?\.(?=\d+\.)|^[^.]+\.(?=[^.]+\.)/

/** The ledger in columns and sentences. */
export function budgetText(ledger: BudgetLedger): string {
  const { layers, rest, bytes, ms, f1, texts } = ledger
  const kilo = (value: number): string => (value / 1e3).toFixed(1)
  const time = (value: number | null): string => (value === null ? '' : shortNumber(value))
  const rows = [
    ['layer', 'format', 'kB before', 'kB after', 'ms before', 'ms after', 'error'],
    ...layers.map((layer) => [
      layer.stem.replace(BEFORE_LAYER, ''),
      layer.method,
      kilo(layer.bytesBefore),
      kilo(layer.bytesAfter),
      time(layer.msBefore),
      time(layer.msAfter),
      layer.error === 0 ? '0' : layer.error.toPrecision(2),
    ]),
    ['the rest', '', kilo(rest.bytesBefore), kilo(rest.bytesAfter), time(rest.ms), time(rest.ms), ''],
    [
      'all',
      '',
      kilo(bytes.before),
      kilo(bytes.after),
      time(ms.before),
      time(ms.estimated),
      ledger.error.toPrecision(2),
    ],
  ]
  const percent = (share: number): string => (100 * share).toFixed(2)
  const score = ({ f1: value, f1Low, f1High }: BudgetLedger['f1']['before']): string =>
    `${value.toFixed(4)} [${f1Low.toFixed(4)}, ${f1High.toFixed(4)}]`
  return [
    ...columns(rows, [0, 1]),
    `${(bytes.after / 1e6).toFixed(3)} MB, was ${(bytes.before / 1e6).toFixed(3)} MB`,
    `${time(ms.after)} ms a text of ${ledger.tokens} tokens (estimated ${time(ms.estimated)}), was ${time(ms.before)} ms; ${ledger.device}`,
    `F1 ${score(f1.after)}, was ${score(f1.before)}, on ${texts.development} texts held out`,
    `relative loss ${percent(f1.loss.loss)} %, by the paired interval ${percent(f1.loss.low)} to ${percent(f1.loss.high)} % (McNemar p ${f1.mcnemarP.toFixed(3)})`,
    '',
  ].join('\n')
}
