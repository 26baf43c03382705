// Options that several verbs have. Each function adds its options to a command, whose type then knows them.

import { Option, type Command, type OptionValues } from '@commander-js/extra-typings'
import { PROBLEM_TYPES } from '../model/config.ts'
import {
  DATA_HELP,
  fileList,
  fraction,
  jsonOption,
  languageOption,
  positiveNumber,
  prepareOption,
  quantizationAwareOption,
  seedOption,
  threadsOption,
  wholeNumber,
} from './values.ts'
import { wideOption } from './wide.ts'
import { TRAINING } from '../train/defaults.ts'

/** Columns of the data. */
export const columnOptions = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  command
    .option('--text <column>', 'column of the texts: its name, its number from 1, or in JSON a path a.b')
    .option(
      '--label <column>',
      'column of the labels, likewise; several by commas are columns of 0 and 1, one for each label',
    )

/** Columns of data whose texts may be pairs and whose labels may be sets or numbers. */
export const taskOptions = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  columnOptions(command)
    .option('--text-pair <column>', 'column of the second text, where two are read as one (default: by usual names)')
    .option('--label-separator <mark>', 'what is between the labels of one cell, where a text may have several')
    .addOption(
      new Option(
        '--problem-type <type>',
        "what labels are (default: the model's; else lists are several labels of a text, all others one)",
      ).choices(PROBLEM_TYPES),
    )

/** How texts are prepared. */
export const preparationOptions = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) => command.addOption(prepareOption()).addOption(languageOption())

/** Everything that `train` and `distil` share. */
export const trainingOptions = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  preparationOptions(taskOptions(command))
    .requiredOption('--data <file>', DATA_HELP, fileList())
    .option('--test <file>', 'file with the test rows (default: a fifth of --data)', fileList())
    .requiredOption('--out <folder>', 'where the model goes')
    .option('--epochs <n>', 'passes over the training texts', positiveNumber(1000), TRAINING.epochs)
    .option('--minutes <n>', 'most minutes to train', positiveNumber(100_000), TRAINING.minutes)
    .addOption(wideOption())
    .option('--tokens <n>', 'most tokens of a text; longer ones lose their end (default: 128)', wholeNumber(8, 4096))
    .option('--batch <n>', 'texts a step', wholeNumber(1, 4096), TRAINING.batch)
    .option('--learning-rate <x>', 'peak of the schedule', positiveNumber(1))
    .option('--accumulate <n>', 'batches whose gradients make one step', wholeNumber(1, 1000))
    .option('--dropout <share>', 'states dropped at random in training', fraction, TRAINING.dropout)
    .option(
      '--piece-dropout <share>',
      'word pieces that fall into smaller ones at random whenever a text is read (default: 0.1 of a model with random weights, else 0)',
      fraction,
    )
    .option(
      '--crop <share>',
      'readings in which a text is read in one part at random, with its label: single texts alone; with --tokens above 128, of longer texts 0.9 in parts of at most 126 (default: 0.5 of a model with random weights, else 0)',
      fraction,
    )
    .option(
      '--threshold',
      'decide between two classes where macro F1 is best on a tenth of the training texts, which are then not trained on',
    )
    .option('--balance', 'read texts of rarer classes more often, so that every class has as many as the largest')
    .addOption(quantizationAwareOption())
    .option('--resume', 'go on with a training that was stopped: its checkpoint is in OUT.training')
    .addOption(seedOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
