import { applyRecipe, parseRecipe } from '../recipe/apply.ts'
import { loadModel, type LoadedModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'
import { withVocabulary } from '../text/tokenizer-files.ts'
import type { Reporter } from '../inference/reporter.ts'
import { compressWithinBudget, type BudgetFlags } from './compress-budget.ts'
import { recipeTexts } from './compress-texts.ts'
import { UsageError } from './failure.ts'
import { createProgress } from './progress.ts'
import type { DeviceKind } from './values.ts'

interface CompressFlags extends Omit<BudgetFlags, 'data' | 'device'> {
  recipe?: string
  data?: string
  device?: DeviceKind
}

/** Options that a recipe would do nothing with. */
const BUDGET_ALONE = ['fastest', 'ledger', 'tokens', 'device'] as const

/** Applies a recipe to a model, or chooses by a budget, and writes the folder. */
export async function compressCommand(source: string, flags: CompressFlags): Promise<void> {
  const { recipe, data } = flags
  if ([recipe, flags.budget, flags.maxLoss].filter((given) => given !== undefined).length !== 1)
    throw new UsageError('give exactly one of --recipe, --budget and --max-loss')
  const idle = recipe === undefined ? undefined : BUDGET_ALONE.find((name) => flags[name] !== undefined)
  if (idle) throw new UsageError(`--${idle} goes with --budget or --max-loss, not with --recipe; leave it out`)
  if (recipe !== undefined) return compressByRecipe(source, recipe, flags)
  if (flags.fastest && !flags.maxLoss) throw new UsageError('--fastest goes with --max-loss')
  if (data === undefined)
    throw new UsageError('a budget is decided by texts with labels: give them with --data FILE, or builtin:reviews')
  const reporter = createProgress()
  const loaded = await openModel(source, flags.seed, reporter)
  await compressWithinBudget(loaded, source, { ...flags, data, device: flags.device ?? 'cpu' }, reporter)
}

async function openModel(source: string, seed: number, reporter: Reporter): Promise<LoadedModel> {
  reporter.stage(`opening ${source}`)
  const loaded = await loadModel(source, {
    seed,
    progress: ({ loaded: done, total }) => done && total && reporter.progress(done, total),
  })
  reporter.done()
  return loaded
}

async function compressByRecipe(source: string, recipe: string, flags: CompressFlags): Promise<void> {
  const reporter = createProgress()
  const steps = parseRecipe(recipe)
  if (steps.length === 0) throw new UsageError('--recipe is empty; give steps such as q8+e8')
  const loaded = await openModel(source, flags.seed, reporter)
  let files = loaded.tokenizerFiles
  const texts = await recipeTexts(loaded, steps, flags, reporter)
  reporter.stage(recipe)
  const result = await applyRecipe(loaded.weights, steps, {
    seed: flags.seed,
    ...texts,
    progress: (step, done, total) => reporter.progress(done, total, undefined, step),
  })
  reporter.done()
  if (result.vocabulary) files = withVocabulary(files, result.vocabulary, loaded.weights.config.lowercase)
  const written = await saveModel(result.model, flags.out, { files })
  const bytes = written['model.safetensors']
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ out: flags.out, recipe, bytes, notes: result.notes })}\n`)
    return
  }
  for (const note of result.notes) process.stdout.write(`  ${note}\n`)
  const before = loaded.fileBytes ? `, was ${(loaded.fileBytes / 1e6).toFixed(2)} MB` : ''
  process.stdout.write(`${flags.out}: ${(bytes / 1e6).toFixed(2)} MB${before}\n`)
}
