// `train`: a classifier from data.

import { Option, type Command } from '@commander-js/extra-typings'
import { TEACHERS, TRIALS } from '../../train/defaults.ts'
import { examples } from '../examples.ts'
import { UsageError } from '../failure.ts'
import { trainingOptions } from '../options.ts'
import { checkSize, MODEL_HELP, preparationOf, wholeNumber } from '../values.ts'
import { proveWide } from '../wide.ts'

const EXAMPLES = examples(
  'compact-kernels train --data reviews.csv --text body --label stars --out my-model',
  'compact-kernels train --data reviews.csv --tune --trials 12 --minutes 30 --out my-model',
  'compact-kernels train --data reviews.csv --prepare normalise,stem --out my-model',
  'compact-kernels train --data pairs.csv --text-pair second --label score --problem-type regression --out my-scores',
  'compact-kernels train --data reviews.csv --out my-model --resume',
)

const options = (program: Command) =>
  trainingOptions(program.command('train').description('train a classifier'))
    .option('--model <model>', `${MODEL_HELP} to start from (default: a small model with random weights)`)
    .option('--size <size>', "layers x width of a model with random weights, or a preset's name (default: 2x192)")
    .addOption(
      new Option(
        '--teacher <model>',
        'what teaches beside the labels. linear: logistic regression, which says of each text what it learned from others (default: linear of a model with random weights that learns classes of single texts, else none)',
      ).choices(TEACHERS),
    )
    .option('--tune', 'first search learning rate, epochs, dropout and batch on a part of the training texts')
    .option('--trials <n>', `settings that --tune tries (default: ${TRIALS})`, wholeNumber(1, 1000))
    .addHelpText('after', EXAMPLES)

export const declare = (program: Command): void => void options(program).action(run)

async function run(flags: ReturnType<ReturnType<typeof options>['opts']>): Promise<void> {
  const { tune, trials = TRIALS, json, prepare, language, wide, ...settings } = flags
  if (settings.resume && tune)
    throw new UsageError('--resume goes on with one training, --tune searches anew; leave one of them out')
  if (flags.trials && !tune) throw new UsageError('--trials are those of --tune; give --tune too')
  if (settings.size && settings.model) throw new UsageError('--model has a size already; leave out --size, or --model')
  if (settings.size) await checkSize('--size', settings.size)
  const preparation = preparationOf({ prepare, language })
  await proveWide(wide)
  const { trainOnData } = await import('../../train/train-on-data.ts')
  const { tellTraining } = await import('../training.ts')
  await tellTraining({ out: settings.out, json, seed: settings.seed }, (watch) =>
    trainOnData({ ...settings, preparation, ...(tune && { trials }) }, watch),
  )
}
