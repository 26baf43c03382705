// `compress`: a recipe applied to a model, or a storage format for every layer by a budget.

import type { Command } from '@commander-js/extra-typings'
import type { LoadedModel } from '../../model/load.ts'
import type { RecipeResult, Step } from '../../recipe/apply.ts'
import type { Reporter } from '../../inference/reporter.ts'
import { TRAINING } from '../../train/defaults.ts'
import { examples } from '../examples.ts'
import { UsageError } from '../failure.ts'
import { taskOptions } from '../options.ts'
import { budget, fileList, jsonOption, MODEL_HELP, percentage, positiveNumber, seedOption } from '../values.ts'
import { threadsOption, timingDeviceOption, wholeNumber } from '../values.ts'
import { proveWide, wideOption } from '../wide.ts'

const EXAMPLES = examples(
  'compact-kernels compress my-model --recipe q8+e8 --out my-small',
  'compact-kernels compress my-model --recipe sp80x4+q8+e8 --data reviews.csv --train --out my-sparse',
  'compact-kernels compress my-model --data reviews.csv --budget 5MB --ledger ledger.json --out my-5mb',
  'compact-kernels compress my-model --data reviews.csv --max-loss 1% --fastest --out my-fast',
)

const options = (program: Command) =>
  taskOptions(
    program
      .command('compress')
      .description('apply a recipe to a model, or choose a storage format for every layer by a budget')
      .argument('<model>', MODEL_HELP),
  )
    .option('--recipe <steps>', 'steps joined by +, e.g. sp80x4+q8+e8')
    .option('--budget <size or time>', 'or: least error within 5MB of file, or within 3ms a text', budget)
    .option(
      '--max-loss <share>',
      'or: smallest file that loses at most 1% of its F1; of an embedder whose mean cosine is at least 0.99',
      percentage,
    )
    .option('--fastest', 'with --max-loss: the fastest model, not the smallest')
    .requiredOption('--out <folder>', 'where the model goes')
    .option(
      '--data <file>',
      "texts, labelled or not: steps learn from them which tokens there are and what layers see and need (README's table of recipes says which steps); a classifier's budget is decided by labelled ones. Of labelled texts the fifth that train holds out is not learnt from",
      fileList(),
    )
    .option(
      '--test <file>',
      'texts that are new to the model, labelled ones of a classifier: quality is measured on them',
      fileList(),
    )
    .option(
      '--train',
      'with --recipe and --data, labelled unless the model is an embedder: train again what the steps take out of the layers',
    )
    .option(
      '--epochs <n>',
      'with --train: passes over the texts (default: 4, more of small data)',
      positiveNumber(1000),
    )
    .option('--minutes <n>', `with --train: most minutes (default: ${TRAINING.minutes})`, positiveNumber(100_000))
    .addOption(wideOption('with --train: '))
    .option('--resume', 'with --train: go on with a training that was stopped: its checkpoint is in OUT.training')
    .option('--learning-rate <x>', 'with --train: peak of the schedule', positiveNumber(1))
    .option('--tokens <n>', 'of the text that times are of (default: the median of --data)', wholeNumber(1, 4096))
    .option('--ledger <file>', 'write what a budget decided, and from what, as JSON')
    .addOption(timingDeviceOption())
    .addOption(threadsOption())
    .addOption(seedOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)

type Flags = ReturnType<ReturnType<typeof options>['opts']>

export const declare = (program: Command): void => void options(program).action(run)

/** Options that a recipe would do nothing with. */
const BUDGET_ALONE = ['fastest', 'ledger', 'tokens', 'device'] as const
/** Options whose data a budget does not read: it is decided by the F1 of classes. */
const RECIPE_ALONE = { textPair: 'text-pair', labelSeparator: 'label-separator', problemType: 'problem-type' } as const
/** Options that only a training reads. */
const TRAIN_ALONE = {
  epochs: 'epochs',
  minutes: 'minutes',
  learningRate: 'learning-rate',
  resume: 'resume',
  wide: 'wide',
} as const

async function run(source: string, flags: Flags): Promise<void> {
  const { recipe, data } = flags
  if ([recipe, flags.budget, flags.maxLoss].filter((given) => given !== undefined).length !== 1)
    throw new UsageError('give exactly one of --recipe, --budget and --max-loss')
  const idle = recipe === undefined ? undefined : BUDGET_ALONE.find((name) => flags[name] !== undefined)
  if (idle) throw new UsageError(`--${idle} goes with --budget or --max-loss, not with --recipe; leave it out`)
  const ofTraining = (Object.keys(TRAIN_ALONE) as (keyof typeof TRAIN_ALONE)[]).find(
    (name) => flags[name] !== undefined,
  )
  if (ofTraining && !flags.train) throw new UsageError(`--${TRAIN_ALONE[ofTraining]} goes with --train`)
  if (flags.train && data === undefined)
    throw new UsageError('--train learns from texts, of a classifier with labels: give --data FILE')
  await proveWide(flags.wide)
  if (recipe !== undefined) return compressByRecipe(source, recipe, flags)
  if (flags.train) throw new UsageError('--train goes with --recipe: a budget trains nothing; leave it out')
  const other = (['textPair', 'labelSeparator', 'problemType'] as const).find((name) => flags[name] !== undefined)
  if (other)
    throw new UsageError(
      `--${RECIPE_ALONE[other]} goes with --recipe: a budget is decided by the F1 of classes on single texts; leave it out`,
    )
  if (flags.fastest && !flags.maxLoss) throw new UsageError('--fastest goes with --max-loss')
  if (data === undefined)
    throw new UsageError(
      'a budget is decided by texts, of a classifier with labels: give them with --data FILE, or builtin:reviews',
    )
  return compressByBudget(source, data, flags)
}

/** What the caller wrote is wrong: exit code 2. */
function asUsage<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

async function openModel(source: string, seed: number, reporter: Reporter): Promise<LoadedModel> {
  const { loadModel } = await import('../../model/load.ts')
  reporter.stage(`opening ${source}`)
  const loaded = await loadModel(source, {
    seed,
    progress: ({ loaded: done, total }) => done && total && reporter.progress(done, total),
  })
  reporter.done()
  return loaded
}

async function compressByRecipe(source: string, recipe: string, flags: Flags): Promise<void> {
  const { parseRecipe } = await import('../../recipe/apply.ts')
  const { textsWanted } = await import('../../train/recipe-texts.ts')
  const { saveModel } = await import('../../model/save.ts')
  const { withVocabulary } = await import('../../text/tokenizer-files.ts')
  const { openHeldOut } = await import('../compress-quality.ts')
  const { describeVectors, openVectorTexts } = await import('../compress-vectors.ts')
  const { createProgress } = await import('../progress.ts')
  const { out, json, train = false } = flags
  const reporter = createProgress()
  const steps = asUsage(() => parseRecipe(recipe))
  if (steps.length === 0) throw new UsageError('--recipe is empty; give steps such as q8+e8')
  const wanted = flags.data === undefined ? textsWanted(steps) : null
  if (wanted) throw new UsageError(`${wanted}: give them with --data FILE`)
  const loaded = await openModel(source, flags.seed, reporter)
  const isEmbedder = loaded.weights.classifier === null
  const vectorTexts = isEmbedder ? await openVectorTexts(loaded, flags) : null
  const heldOut = isEmbedder
    ? { rows: [], words: '', seed: flags.seed }
    : await openHeldOut(source, loaded.weights, flags, reporter)
  const { tokenizerFiles, weights, fileBytes } = loaded
  const save = async ({ model, vocabulary, notes }: RecipeResult) => {
    const files = vocabulary ? withVocabulary(tokenizerFiles, vocabulary, weights.config.lowercase) : tokenizerFiles
    const beside = await loaded.filesBeside(vocabulary !== null && vocabulary !== undefined)
    return { model, notes, files, bytes: (await saveModel(model, out, { files, beside }))['model.safetensors'] }
  }
  // what training held out, no step may learn from
  const asked = { ...flags, seed: heldOut.seed }
  const { model, notes, files, bytes } = train
    ? await trainSteps(source, loaded, steps, asked, save, reporter)
    : await save(await applySteps(loaded, steps, asked, reporter))
  const { describeQuality } = await import('../compress-quality.ts')
  const { quality, lines } = vectorTexts
    ? await describeVectors(loaded, { model, files }, vectorTexts, { ...flags, reporter })
    : await describeQuality(loaded, { model, files }, heldOut, { ...flags, steps, train })
  if (json) {
    process.stdout.write(`${JSON.stringify({ out, recipe, bytes, notes, quality, remarks: lines })}\n`)
    return
  }
  for (const note of notes) process.stdout.write(`  ${note}\n`)
  const before = fileBytes ? `, was ${(fileBytes / 1e6).toFixed(2)} MB` : ''
  process.stdout.write(`${out}: ${(bytes / 1e6).toFixed(2)} MB${before}\n${lines.map((line) => `${line}\n`).join('')}`)
}

/** The recipe's steps, trained again; the first Ctrl-C leaves a checkpoint. */
async function trainSteps<T>(
  source: string,
  loaded: LoadedModel,
  steps: readonly Step[],
  flags: Flags,
  save: (result: RecipeResult) => Promise<T>,
  reporter: Reporter,
): Promise<T> {
  const { compressAndTrain } = await import('../compress-training.ts')
  const { interruptible } = await import('../interruptible.ts')
  const { data, minutes = TRAINING.minutes } = flags
  const options = { ...flags, model: source, data: data!, minutes, reporter }
  return interruptible('stopping after this step', (signal) =>
    compressAndTrain(loaded, steps, options, save, reporter, signal),
  )
}

/** The recipe's steps, nothing trained. */
async function applySteps(
  loaded: LoadedModel,
  steps: readonly Step[],
  flags: Flags,
  reporter: Reporter,
): Promise<RecipeResult> {
  const { seed } = flags
  const { applyRecipe } = await import('../../recipe/apply.ts')
  const { recipeTexts } = await import('../../train/recipe-texts.ts')
  const texts = await recipeTexts(loaded, steps, { ...flags, reporter })
  reporter.stage(steps.map(({ text }) => text).join('+'))
  const result = await applyRecipe(loaded.weights, steps, {
    seed,
    ...texts,
    progress: (step, done, total) => reporter.progress(done, total, undefined, step),
  })
  reporter.done()
  return result
}

async function compressByBudget(source: string, data: string, flags: Flags): Promise<void> {
  const { compressToBudget } = await import('../../budget/budget.ts')
  const { openDevice } = await import('../../inference/devices.ts')
  const { writeWhole } = await import('../../io/folder.node.ts')
  const { saveModel } = await import('../../model/save.ts')
  const { budgetText, goalOf, openTextsOfBudget } = await import('../compress-budget.ts')
  const { createProgress } = await import('../progress.ts')
  const { seed, out, json } = flags
  const reporter = createProgress()
  const loaded = await openModel(source, seed, reporter)
  const { weights } = loaded
  const texts = await openTextsOfBudget(source, loaded, { ...flags, data }, reporter)
  for (const note of texts.notes) reporter.note(note)
  const { device } = await openDevice({ device: flags.device ?? 'cpu', threads: flags.threads })
  try {
    const tokens = Math.min(weights.config.maxPositions, flags.tokens ?? texts.tokens)
    const plan = { ...goalOf(flags), model: weights, texts, tokens, device, seed, reporter }
    const { model, ledger } = await compressToBudget(plan)
    const written = await saveModel(model, out, { files: loaded.tokenizerFiles, beside: await loaded.filesBeside() })
    const line = JSON.stringify({ out, written: written['model.safetensors'], ...ledger })
    if (flags.ledger) await writeWhole(flags.ledger, [`${line}\n`])
    process.stdout.write(json ? `${line}\n` : `${budgetText(ledger)}${out}: written\n`)
  } finally {
    await device.dispose()
  }
}
