// A storage format for every layer under one budget: bytes of the file, milliseconds of a text, or the quality that may be lost
// (F1, of an embedder cosine). What a
// layer's formats cost is measured (ts/budget/linear-times.ts) or counted; what they lose is the exact error of its outputs
// (ts/compress/sensitivity.ts); ts/compress/allocate.ts chooses. The ledger holds what was decided, and from what.

import type { Device } from '../../kernels/program/device.ts'
import { InfeasibleError, leastCost, leastLoss, type Choice } from '../compress/allocate.ts'
import { inspectModel } from '../recipe/ledger.ts'
import type { ModelWeights } from '../model/weights.ts'
import { openBudgetClock, type BudgetClock } from './clock.ts'
import { assemble, budgetLayers, type BudgetLayer } from './layers.ts'
import type { BudgetTexts } from './texts.ts'
import { createLinearTimes, type LinearTimes } from './linear-times.ts'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { slowerFormats } from './slower-formats.ts'
import { openBudgetQuality, type BudgetQuality, type LedgerQuality } from './quality.ts'

export type { LedgerScore } from './quality.ts'

export type BudgetGoal =
  /** least error within `limit` bytes of model.safetensors, or milliseconds of one text */
  | { kind: 'bytes' | 'ms'; limit: number }
  /**
   * smallest file, or fastest text, whose F1 on the development texts is at most this share lower; of a model without a
   * classifier whose mean cosine to the model before is at least 1 - share
   */
  | { kind: 'loss'; share: number; least: 'bytes' | 'ms' }

export interface LedgerLayer {
  stem: string
  role: BudgetLayer['role']
  method: string
  /** of the weight's tensors; biases are among the rest */
  bytesBefore: number
  bytesAfter: number
  /** null of the word table: its time is among the rest */
  msBefore: number | null
  msAfter: number | null
  /** squared output error as a share of the output's own squares about its mean */
  error: number
  /** what there was to choose from; ms is null where a format was not timed, since the goal did not need it */
  candidates: { method: string; bytes: number; ms: number | null; error: number }[]
}

/** What was chosen, and the numbers it was chosen from. */
export interface BudgetLedger extends LedgerQuality {
  /** as in config.recipe */
  goal: string
  device: string
  threads: number
  /** of the text that times are of */
  tokens: number
  texts: { calibration: number; development: number }
  layers: LedgerLayer[]
  /** what no choice changes: biases, norms, small tables, classifier and the file's header; attention, norms, gather */
  rest: { bytesBefore: number; bytesAfter: number; ms: number }
  bytes: { before: number; after: number }
  ms: { before: number; after: number; estimated: number }
  /** sum of the layers' errors */
  error: number
  /** the models that were measured in a search for a loss, in order; quality is F1, or the mean cosine to the model before */
  tried: { error: number; cost: number; quality: number }[]
}

export interface BudgetInput {
  /** dense f32, with or without a classifier */
  model: ModelWeights
  goal: BudgetGoal
  /** how the goal is written in config.recipe; made of the goal where not given, e.g. budget:5MB */
  text?: string
  texts: BudgetTexts
  /** tokens of the text that times are of */
  tokens: number
  device: Device
  /** of the intervals */
  seed: number
  reporter?: Reporter
  signal?: AbortSignal
}

/** Models that a search for a loss may measure. */
const MAX_EVALUATIONS = 8
/** Times a plan is made anew because the finished model was measured above a budget of time. */
const MAX_CORRECTIONS = 4
/** What a measured time may be above the budget: clocks on a busy machine say no more. */
const TIME_TOLERANCE = 0.02

/** What every part of the choice works with: the input with its defaults. */
type Plan = BudgetInput & { text: string; reporter: Reporter }

/**
 * Chooses a storage format for every layer and makes the model.
 * @throws where the budget cannot be met (the sentence says what can), or the model is compressed already
 * @example
 * const texts = await openBudgetTexts('reviews.csv', { seed: 1 }, { tokenizer, labels, maxPositions: 128, source: 'model' })
 * const goal = { kind: 'bytes', limit: 5e6 } as const
 * const { model: small } = await compressToBudget({ model, goal, texts, tokens: texts.tokens, device, seed: 1 })
 */
export async function compressToBudget(input: BudgetInput): Promise<{ model: ModelWeights; ledger: BudgetLedger }> {
  const plan: Plan = { ...input, text: input.text ?? goalText(input.goal), reporter: input.reporter ?? SILENT }
  const { model, goal, device, tokens, reporter, signal } = plan
  const { problemType = 'single_label_classification' } = model.config
  if (model.classifier && problemType !== 'single_label_classification')
    throw new Error(
      `${plan.text}: a budget is decided by the F1 of classes, the model's outputs are those of ${problemType}; apply a recipe`,
    )
  const info = device.info()
  const groups = await budgetLayers({ ...plan, threads: info.kind === 'cpu' ? info.threads : 0 })
  const weights = groups.reduce((sum, { linear }) => sum + (linear ? linear.N * linear.K : 0), 0)
  const times = createLinearTimes(device, { tokens, weights, ...(signal && { signal }) })
  const byTime = goal.kind === 'ms' || (goal.kind === 'loss' && goal.least === 'ms')
  const clock = await openBudgetClock(groups, model, times, byTime, reporter)
  const cost = (group: BudgetLayer, i: number): number =>
    byTime ? clock.ms(group, group.candidates[i].method)! : group.candidates[i].bytes
  // times that differ by less than the clock can tell are equal: then the smaller format is the cheaper one
  const perByte = goal.kind === 'loss' && byTime ? tieShare(groups, clock) : 0
  const choices: Choice[][] = groups.map((group) =>
    group.candidates.map(({ error, bytes }, i) => ({ cost: cost(group, i) + perByte * bytes, loss: error })),
  )
  const quality = await openBudgetQuality(plan)
  const tried: BudgetLedger['tried'] = []
  let made: ModelWeights
  let chosen: number[]
  if (goal.kind === 'loss') {
    const costOf = (indices: number[]): number => indices.reduce((sum, i, g) => sum + cost(groups[g], i), 0)
    chosen = await searchLoss(choices, goal.share, { quality, costOf }, plan, groups, tried)
    made = assemble(model, groups, chosen, plan.text)
  } else ({ chosen, made } = await keepBudget(choices, goal, plan, groups, times, clock.rest))
  reporter.stage('measuring the finished model')
  await clock.measure(({ candidates }, g) => [candidates[0], candidates[chosen[g]]])
  const slower = await slowerFormats(groups, chosen, clock)
  const [msBefore, msAfter] = await times.models([model, made])
  const compared = await quality.compare(made)
  reporter.done()
  for (const note of slower) reporter.note(note)
  const ms = { before: msBefore, after: msAfter }
  return { model: made, ledger: ledgerOf(plan, { groups, chosen, clock, made, ms, compared, tried }) }
}

/** A goal as config.recipe writes it. */
function goalText(goal: BudgetGoal): string {
  if (goal.kind === 'loss') return `max-loss:${Number((100 * goal.share).toPrecision(6))}%`
  return `budget:${goal.kind === 'ms' ? `${goal.limit}ms` : `${goal.limit / 1e6}MB`}`
}

interface Finished {
  groups: BudgetLayer[]
  chosen: number[]
  clock: BudgetClock
  made: ModelWeights
  ms: { before: number; after: number }
  compared: LedgerQuality
  tried: BudgetLedger['tried']
}

function ledgerOf({ model, text, texts, tokens, device }: Plan, finished: Finished): BudgetLedger {
  const { groups, chosen, clock, made, ms, compared, tried } = finished
  const layers = groups.map((group, g) => ledgerLayer(group, chosen[g], clock))
  const sum = (pick: (layer: LedgerLayer) => number | null): number =>
    layers.reduce((total, layer) => total + (pick(layer) ?? 0), 0)
  const bytes = { before: fileBytes(model), after: fileBytes(made) }
  const { name, threads } = device.info()
  return {
    goal: text,
    device: name,
    threads,
    tokens,
    texts: { calibration: texts.calibration.length, development: texts.development.length },
    layers,
    rest: {
      bytesBefore: bytes.before - sum((layer) => layer.bytesBefore),
      bytesAfter: bytes.after - sum((layer) => layer.bytesAfter),
      ms: clock.rest,
    },
    bytes,
    ms: { ...ms, estimated: clock.rest + sum((layer) => layer.msAfter) },
    error: sum((layer) => layer.error),
    ...compared,
    tried,
  }
}

function ledgerLayer(group: BudgetLayer, chosen: number, clock: BudgetClock): LedgerLayer {
  const { stem, role, linear, candidates } = group
  const { method, bytes, error } = candidates[chosen]
  const [plain] = candidates
  const ms = (of: string): number | null => linear && clock.ms(group, of)
  return {
    stem,
    role,
    method,
    bytesBefore: plain.bytes,
    bytesAfter: bytes,
    msBefore: ms(plain.method),
    msAfter: ms(method),
    error,
    candidates: candidates.map((of) => ({ method: of.method, bytes: of.bytes, ms: ms(of.method), error: of.error })),
  }
}

/** Bytes of model.safetensors. */
const fileBytes = (model: ModelWeights): number => inspectModel(model, { header: true }).bytes

/** Least error within the budget; made again with less to spend where the finished model is measured above it. */
async function keepBudget(
  choices: Choice[][],
  goal: { kind: 'bytes' | 'ms'; limit: number },
  input: Plan,
  groups: BudgetLayer[],
  times: LinearTimes,
  restMs: number,
): Promise<{ chosen: number[]; made: ModelWeights }> {
  const { model, reporter } = input
  const plainBytes = groups.reduce((sum, { candidates }) => sum + candidates[0].bytes, 0)
  const rest = goal.kind === 'ms' ? restMs : fileBytes(model) - plainBytes
  let left = goal.limit - rest
  const tolerance = goal.kind === 'ms' ? TIME_TOLERANCE * goal.limit : 0
  let least = Infinity
  for (let attempt = 0; ; attempt++) {
    let chosen: number[]
    try {
      chosen = leastLoss(choices, left)
    } catch (error) {
      if (!(error instanceof InfeasibleError)) throw error
      throw new Error(unreachable(input.text, goal.kind, Math.min(least, rest + error.least), rest), { cause: error })
    }
    const made = assemble(model, groups, chosen, input.text)
    const found = goal.kind === 'ms' ? (await times.models([made]))[0] : fileBytes(made)
    const over = found - goal.limit
    if (over <= tolerance) return { chosen, made }
    // a clock may go on saying other numbers; bytes that are too many get fewer each time
    if (goal.kind === 'ms' && attempt === MAX_CORRECTIONS) {
      reporter.note(`${input.text}: this machine's times vary; the last model took ${found.toPrecision(3)} ms`)
      return { chosen, made }
    }
    least = Math.min(least, found)
    left -= over
  }
}

function unreachable(text: string, kind: 'bytes' | 'ms', least: number, rest: number): string {
  const words = (value: number): string =>
    kind === 'ms' ? `${value.toPrecision(3)} ms` : `${(Math.ceil(value / 1e3) / 1e3).toFixed(3)} MB`
  const what = kind === 'ms' ? 'attention, norms and embedding' : 'biases, norms, small tables and the classifier'
  return (
    `${text}: the least that this model can be brought to is ${words(least)} (${words(rest)} of it ${what}); ` +
    `give at least that, or start from a smaller model: distil a student, or cut the vocabulary with the recipe vocab`
  )
}

/** Milliseconds of a byte: all layers' bytes weigh as much as the share of their time that a clock cannot tell. */
function tieShare(groups: readonly BudgetLayer[], clock: BudgetClock): number {
  const [ms, bytes] = groups.reduce(
    ([time, size], group) => [
      time + (clock.ms(group, group.candidates[0].method) ?? 0),
      size + group.candidates[0].bytes,
    ],
    [0, 0],
  )
  return (TIME_TOLERANCE * ms) / bytes
}

/** The cheapest model that keeps its quality on the development texts: bisection on the bound of the summed error. */
async function searchLoss(
  choices: Choice[][],
  share: number,
  { quality, costOf }: { quality: BudgetQuality; costOf: (chosen: number[]) => number },
  input: Plan,
  groups: BudgetLayer[],
  tried: BudgetLedger['tried'],
): Promise<number[]> {
  const { model, reporter, text } = input
  const least = quality.least(share)
  const known = new Map<string, boolean>()
  const errorOf = (chosen: number[]): number => chosen.reduce((sum, i, g) => sum + choices[g][i].loss, 0)
  const keeps = async (chosen: number[]): Promise<boolean> => {
    const key = chosen.join()
    if (!known.has(key)) {
      const found = await quality.of(assemble(model, groups, chosen, text))
      tried.push({ error: errorOf(chosen), cost: costOf(chosen), quality: found })
      known.set(key, found >= least)
      reporter.progress(tried.length, MAX_EVALUATIONS)
    }
    return known.get(key)!
  }
  reporter.stage(`searching for a ${quality.name} of at least ${least.toFixed(4)}`)
  let best = leastCost(choices, 0)
  let high = choices.reduce((sum, group) => sum + Math.max(...group.map(({ loss }) => loss)), 0)
  const positive = choices.flatMap((group) => group.map(({ loss }) => loss).filter((loss) => loss > 0))
  let low = positive.length > 0 ? Math.min(...positive) : high
  const cheapest = leastCost(choices, high)
  if (await keeps(cheapest)) best = cheapest
  else
    // a step halves the logarithm of what lies between: two steps may well give the same choice, which costs nothing
    for (let step = 0; step < 2 * MAX_EVALUATIONS && tried.length < MAX_EVALUATIONS; step++) {
      const bound = Math.sqrt(low * high)
      const chosen = leastCost(choices, bound)
      if (await keeps(chosen)) [low, best] = [bound, chosen]
      else high = bound
    }
  reporter.done(`${tried.length} models measured`)
  return best
}
