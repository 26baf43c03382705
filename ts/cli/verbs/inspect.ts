// `inspect`: where the bytes of a model are.

import type { Command } from '@commander-js/extra-typings'
import type { Ledger } from '../../recipe/ledger.ts'
import type { PaperSize } from '../../report/paper-sizes.ts'
import { columns } from '../columns.ts'
import { examples } from '../examples.ts'
import { UsageError } from '../failure.ts'
import { jsonOption, MODEL_HELP } from '../values.ts'

const EXAMPLES = examples(
  'compact-kernels inspect my-model',
  'compact-kernels inspect preset:mbert --recipe q8+e8',
  'compact-kernels inspect --study',
)

const options = (program: Command) =>
  program
    .command('inspect')
    .description('where the bytes of a model are')
    .argument('[model]', MODEL_HELP)
    .option('--recipe <steps>', 'what would become of it')
    .option('--study', "the study's ten sizes at mBERT's shape, beside ours, with the recipe that gives each")
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)

export const declare = (program: Command): void => void options(program).action(run)

/** Prints the byte ledger of a model, as it is or under a recipe; or the study's ten sizes beside ours. */
async function run(model: string | undefined, flags: ReturnType<ReturnType<typeof options>['opts']>): Promise<void> {
  if (flags.study) {
    if (model !== undefined || flags.recipe)
      throw new UsageError('--study is of the shape of mBERT and has recipes of its own: give no model and no --recipe')
    const { paperSizes } = await import('../../report/paper-sizes.ts')
    const sizes = paperSizes()
    process.stdout.write(flags.json ? `${JSON.stringify(sizes)}\n` : paperSizesText(sizes))
    return
  }
  if (model === undefined) throw new UsageError('which model? give a folder, owner/name, preset:NAME, or --study')
  const { inspectSource } = await import('../../recipe/ledger.ts')
  const ledger = await inspectSource(model, flags.recipe ? { recipe: flags.recipe } : {})
  process.stdout.write(flags.json ? `${JSON.stringify(ledger)}\n` : ledgerText(ledger))
}

/** The study's sizes beside ours, in columns. */
function paperSizesText(sizes: readonly PaperSize[]): string {
  const table = [['row', 'study MB', 'ours', 'off by', 'with scales', 'recipe over preset:mbert', 'assumed']]
  for (const { id, paper, megabytes, withScales, recipe, assumption } of sizes) {
    const off = `${megabytes < paper ? '' : '+'}${(100 * (megabytes / paper - 1)).toFixed(1)} %`
    table.push([id, String(paper), megabytes.toFixed(2), off, withScales.toFixed(2), recipe, assumption])
  }
  return `${columns(table, [0, 5, 6]).join('\n')}\n`
}

/** The ledger in columns. */
export function ledgerText({ bytes, params, groups }: Ledger): string {
  const megabytes = (value: number): string => (value / 1e6).toFixed(3)
  const share = (value: number): string => `${((100 * value) / bytes).toFixed(1)} %`
  const table = [['group', 'MB', 'share', 'parameters', 'stored as']]
  for (const group of groups)
    table.push([group.name, megabytes(group.bytes), share(group.bytes), group.params.toLocaleString('en'), group.kind])
  // the study counts an int8 weight as one byte and leaves out what scales it: the line to compare with its sizes
  const scales = groups.find(({ name }) => name === 'scales')?.bytes ?? 0
  if (scales > 0) {
    const without = bytes - scales
    table.push(['all but scales', megabytes(without), share(without), params.toLocaleString('en'), ''])
  }
  table.push(['all', megabytes(bytes), '100 %', params.toLocaleString('en'), ''])
  return `${columns(table, [0, 4]).join('\n')}\n`
}
