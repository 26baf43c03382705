// `study merge`: one study that ran on several machines, their times side by side.

import type { Command } from '@commander-js/extra-typings'
import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { StudyResults } from '../../report/results.ts'
import { examples } from '../examples.ts'
import { UsageError } from '../failure.ts'

export const declareMerge = (study: Command): void =>
  void study
    .command('merge')
    .description('set the times of one study from several machines side by side; the first has the rest of the table')
    .argument('<studies...>', 'folders of studies, two or more, or their results.json')
    .requiredOption('--out <folder>', 'results.json, table.md and report.html of all of them')
    .addHelpText('after', examples('compact-kernels study merge study-laptop study-server --out study-both'))
    .action(merge)

async function merge(places: string[], { out }: { out: string }): Promise<void> {
  if (places.length < 2) throw new UsageError(`study merge: found ${places.length} study, expected two or more`)
  if (places.some((place) => resolve(folderOf(place)) === resolve(out)))
    throw new UsageError(`--out ${out} is a study itself; choose another folder`)
  const { mergeStudies } = await import('../../report/merge.ts')
  const { reportHtml } = await import('../../report/report.ts')
  const { tableMarkdown } = await import('../../report/table.ts')
  const { writeWhole } = await import('../../io/folder.node.ts')
  const { makeRunFolder } = await import('../../io/write.node.ts')
  const merged = mergeStudies(await Promise.all(places.map(readStudy)))
  await makeRunFolder(out)
  await writeWhole(join(out, 'results.json'), [`${JSON.stringify(merged, null, 2)}\n`])
  await writeWhole(join(out, 'table.md'), [tableMarkdown(merged)])
  await writeWhole(join(out, 'report.html'), [reportHtml(merged)])
  process.stdout.write(
    `${merged.machines!.length} machines: ${out}/table.md  ${out}/report.html  ${out}/results.json\n`,
  )
}

const isFile = (place: string): boolean => place.endsWith('.json')
const folderOf = (place: string): string => (isFile(place) ? dirname(place) : place)

async function readStudy(place: string): Promise<StudyResults> {
  const { RESULTS_SCHEMA } = await import('../../report/results.ts')
  const path = isFile(place) ? place : join(place, 'results.json')
  const text = await readFile(path, 'utf8')
  let found: Partial<StudyResults> | null
  try {
    found = JSON.parse(text) as Partial<StudyResults> | null
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}; give a folder that study wrote`, {
      cause: error,
    })
  }
  if (found?.schema !== RESULTS_SCHEMA)
    throw new Error(
      `${path}: found schema ${JSON.stringify(found?.schema ?? null)}, expected ${RESULTS_SCHEMA}; run the study again with this version`,
    )
  return found as StudyResults
}
