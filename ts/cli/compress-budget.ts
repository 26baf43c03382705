// `compress --budget` and `--max-loss` in words: the goal, and the ledger that a choice was made from.

import type { BudgetGoal, BudgetLedger, LedgerScore } from '../budget/budget.ts'
import { budgetTextsOfEmbedder, openBudgetTexts, type BudgetTexts } from '../budget/texts.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import type { Reporter } from '../inference/reporter.ts'
import { vectorRuleOf } from '../inference/whole-vectors.ts'
import { problemTypeOf } from '../model/config.ts'
import type { LoadedModel } from '../model/load.ts'
import { openTexts, singleTexts } from '../train/recipe-texts.ts'
import { openHeldOut, type HeldOutOptions } from './compress-quality.ts'
import { openVectorTexts } from './compress-vectors.ts'
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

/**
 * The texts of a budget: those that measure are new to the model where its folder or --test says which are.
 * @throws where the model gives neither classes nor vectors of texts
 */
export async function openTextsOfBudget(
  source: string,
  loaded: LoadedModel,
  options: HeldOutOptions & { data: string },
  reporter: Reporter,
): Promise<BudgetTexts> {
  const { weights, tokenizerFiles, where } = loaded
  const { config } = weights
  const tokenizer = await openTokenizer(tokenizerFiles, config, where)
  if (!weights.classifier) {
    const rule = await vectorRuleOf(loaded)
    if (rule.refused !== null) throw new Error(`${source}: ${rule.refused}; give --recipe`)
    const { texts, words } = await openVectorTexts(loaded, options)
    if (texts.length === 0) throw new Error(`a budget is decided by vectors: ${words}`)
    const { training } = await openTexts(options.data, options, config, true, reporter)
    return budgetTextsOfEmbedder(
      { calibration: singleTexts(training), development: texts },
      { rule, tokenizer },
      config,
    )
  }
  const problemType = problemTypeOf(config)
  if (problemType !== 'single_label_classification')
    throw new Error(
      `${source}: its outputs are those of ${problemType}; a budget is decided by the F1 of classes: give --recipe`,
    )
  const { rows, words, seed } = await openHeldOut(source, weights, options, reporter)
  const reader = { tokenizer, labels: config.labels, maxPositions: config.maxPositions, source }
  const texts = await openBudgetTexts(options.data, { ...options, seed, development: rows }, reader)
  const measured =
    rows.length > 0
      ? `F1 is of ${words}`
      : `F1 is of texts of ${options.data} that do not calibrate, and may have trained the model (${words})`
  return { ...texts, notes: [...texts.notes, measured] }
}

/** What a stem begins with before the number of its layer, or where it has none before its last two parts. */
const BEFORE_LAYER = /^.*?\.(?=\d+\.)|^[^.]+\.(?=[^.]+\.)/

/** The ledger in columns and sentences. */
export function budgetText(ledger: BudgetLedger): string {
  const { layers, rest, bytes, ms } = ledger
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
  return [
    ...columns(rows, [0, 1]),
    `${(bytes.after / 1e6).toFixed(3)} MB, was ${(bytes.before / 1e6).toFixed(3)} MB`,
    `${time(ms.after)} ms a text of ${ledger.tokens} tokens (estimated ${time(ms.estimated)}), was ${time(ms.before)} ms; ${ledger.device}`,
    ...qualityLines(ledger),
    '',
  ].join('\n')
}

function qualityLines({ f1, vectors, texts: { development } }: BudgetLedger): string[] {
  const lines: string[] = []
  if (f1) {
    const { before, after, loss, mcnemarP } = f1
    const percent = (share: number): string => (100 * share).toFixed(2)
    const score = ({ f1: value, f1Low, f1High }: LedgerScore): string => shown(value, f1Low, f1High)
    lines.push(
      `F1 ${score(after)}, was ${score(before)}, on ${development} texts held out`,
      `relative loss ${percent(loss.loss)} %, by the paired interval ${percent(loss.low)} to ${percent(loss.high)} % (McNemar p ${mcnemarP.toFixed(3)})`,
    )
  }
  if (vectors) {
    const { cosine, overlap, neighbours } = vectors
    lines.push(
      `mean cosine to the vectors before ${shown(cosine!.mean, cosine!.low, cosine!.high)}, on ${development} texts held out`,
      `share of the ${neighbours} nearest neighbours kept ${shown(overlap.mean, overlap.low, overlap.high)}`,
    )
  }
  return lines
}

const shown = (value: number, low: number, high: number): string =>
  `${value.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`
