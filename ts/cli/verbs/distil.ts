// `distil`: a small student of classifiers, or of an embedder.

import { Option, type Command } from '@commander-js/extra-typings'
import { DISTIL, NEW_STUDENT_VOCABULARY } from '../../distil/defaults.ts'
import { PRESETS } from '../../model/config.ts'
import { examples } from '../examples.ts'
import { UsageError } from '../failure.ts'
import { trainingOptions } from '../options.ts'
import { amount, checkSize, fileList, fraction, MODEL_HELP, positiveNumber, preparationOf } from '../values.ts'
import { vocabularyChoice, wholeNumber } from '../values.ts'
import { proveWide } from '../wide.ts'

const EXAMPLES = examples(
  'compact-kernels distil my-model --data reviews.csv --out my-student',
  'compact-kernels distil my-model --data reviews.csv --student 1x128 --init teacher --unlabelled more.txt --out my-student',
  'compact-kernels distil model-a model-b --data reviews.csv --augment 4 --out my-student',
)

const options = (program: Command) =>
  trainingOptions(
    program
      .command('distil')
      .description('train a small student of a classifier, or of an embedder (--task embed)')
      .argument('<teachers...>', `${MODEL_HELP}; of several the mean of their logits is learned`),
  )
    .addOption(
      new Option(
        '--task <task>',
        "classify: labels, and what the teachers say of them; embed: an embedder's vectors of texts, with or without labels",
      )
        .choices(['classify', 'embed'] as const)
        .default('classify' as const),
    )
    .option(
      '--recipe <steps>',
      '--task embed: what is taken out of the layers as the student learns: zeros that grow, factors, e.g. sp80x4',
    )
    .option(
      '--student <size>',
      `layers x width such as 2x128, a preset's name (${Object.keys(PRESETS).join(', ')}), or a model's folder or hub id to start from`,
      DISTIL.student,
    )
    .addOption(
      new Option(
        '--init <from>',
        "teacher: its layers, and of a narrower student its tables, projected; fresh: random weights (default: 'fresh')",
      ).choices(['teacher', 'fresh'] as const),
    )
    .option(
      '--vocabulary <words>',
      `same as the teacher's, task: what of it the texts use, task:N: the N most frequent of these and ASCII characters, or N: a new one of N tokens (default: task with --init teacher or --hidden-weight, else ${NEW_STUDENT_VOCABULARY})`,
      vocabularyChoice,
    )
    .option(
      '--alpha <x>',
      'share of the labels in the loss alpha CE + (1 - alpha) T^2 KL; the factor T^2 keeps gradients as large whatever T is',
      fraction,
      DISTIL.alpha,
    )
    .option('--temperature <T>', 'divides the logits of both in KL', positiveNumber(100), DISTIL.temperature)
    .option('--logit-mse <x>', 'adds x times the mean square between the logits', amount, DISTIL.logitMse)
    .option(
      '--hidden-weight <x>',
      'adds x times the mean square between states of evenly paired layers',
      amount,
      DISTIL.hiddenWeight,
    )
    .option(
      '--unlabelled <file>',
      'more texts, one a line or a text column, on which the teacher alone decides',
      fileList(),
    )
    .option(
      '--augment <n>',
      'n times as many altered texts: words replaced by near ones of the teacher, dropped, texts cut and joined; the teacher alone decides on them',
      wholeNumber(1, 1000),
    )
    .addHelpText('after', EXAMPLES)

export const declare = (program: Command): void => {
  const command = options(program)
  command.action((teachers, flags) => run(teachers, flags, (name) => command.getOptionValueSource(name) !== 'default'))
}

type Flags = ReturnType<ReturnType<typeof options>['opts']>

/** Flags of labels and logits, which vectors do not have. */
const OF_LABELS = {
  ...{ label: '--label', textPair: '--text-pair', labelSeparator: '--label-separator', problemType: '--problem-type' },
  ...{ alpha: '--alpha', temperature: '--temperature', logitMse: '--logit-mse' },
  ...{ unlabelled: '--unlabelled', augment: '--augment' },
} as const

/** @param isGiven whether a flag is on the command line */
async function run(teachers: string[], flags: Flags, isGiven: (name: string) => boolean): Promise<void> {
  const { json, prepare, language, task, recipe, wide, ...settings } = flags
  const { student, init, vocabulary, hiddenWeight } = settings
  const { isFolder } = await import('../../io/folder.node.ts')
  // what is no size can only be a model's folder or hub id
  const isSize = !(await isFolder(student)) && !/[/:]/.test(student)
  if (isSize) await checkSize('--student', student, ", or a model's folder or hub id")
  if (!isSize && (init ?? vocabulary) !== undefined)
    throw new UsageError(
      `--student ${student} is a model that has weights and words: leave out --init and --vocabulary`,
    )
  if (hiddenWeight > 0 && (!isSize || typeof vocabulary === 'number'))
    throw new UsageError('--hidden-weight compares token by token: give --student LxH with --vocabulary same or task')
  const preparation = preparationOf({ prepare, language })
  await proveWide(wide)
  if (task === 'embed') {
    const name = Object.keys(OF_LABELS).find((of) => flags[of as keyof Flags] !== undefined && isGiven(of))
    if (name !== undefined)
      throw new UsageError(
        `${OF_LABELS[name as keyof typeof OF_LABELS]} is of labels, which --task embed does not look at: leave it out, and give all texts to --data`,
      )
    const { minutes, epochs, batch, dropout, student: asked, ...others } = settings
    const given = <T>(flag: string, value: T): T | undefined => (isGiven(flag) ? value : undefined)
    const { distil } = await import('../../distil/distil.ts')
    const { tellDistilledVectors } = await import('../training.ts')
    const own = Object.fromEntries(Object.entries(others).filter(([of]) => !Object.hasOwn(OF_LABELS, of)))
    const more = { student: given('student', asked), dropout: given('dropout', dropout) }
    await tellDistilledVectors({ out: settings.out, json }, (watch) =>
      distil(
        {
          ...(own as Omit<typeof others, keyof typeof OF_LABELS>),
          ...more,
          minutes,
          epochs,
          batch,
          teachers,
          preparation,
          recipe,
          task,
        },
        watch,
      ),
    )
    return
  }
  if (recipe !== undefined)
    throw new UsageError('--recipe is of --task embed; a classifier is trained again by compress --recipe … --train')
  const { distil } = await import('../../distil/distil.ts')
  const { tellTraining } = await import('../training.ts')
  await tellTraining({ out: settings.out, json, seed: settings.seed }, (watch) =>
    distil({ ...settings, teachers, preparation }, watch),
  )
}
