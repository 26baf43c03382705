// What a model's config.json says of the data it was trained on: enough to find the texts that were held out, and no text.

import { createHash } from 'node:crypto'
import type { BertConfig } from '../model/config.ts'
import { TEST_SHARE } from './prepare.ts'
import { readBytes } from './read-files.ts'

/** One training. */
export interface TrainedOn {
  /** of the split */
  seed: number
  /** share of the rows that was held out; 0 where the test rows were in a file of their own */
  test_share: number
  /** the name of a data set, or the SHA-256 of each file, in order */
  data: string[]
}

/** The key of config.json. It holds a list: a model that is trained again has seen the data of before, too. */
const KEY = 'trained_on'

/** What `data` is called in a record: its own name, or the digest of each of its files. @throws where a file is missing */
export async function digestsOfData(data: string): Promise<string[]> {
  if (data.startsWith('builtin:')) return [data]
  const paths = data.split(',').map((path) => path.trim())
  return Promise.all(
    paths.map(async (path) =>
      createHash('sha256')
        .update(await readBytes(path))
        .digest('hex'),
    ),
  )
}

/** The configuration with one more training in it. */
export const withTraining = (config: BertConfig, training: TrainedOn): BertConfig => ({
  ...config,
  kept: { ...config.kept, [KEY]: [...trainingsOf(config), training] },
})

/** The record of a training that begins now. */
export const trainingOf = async ({
  data,
  test,
  seed,
}: {
  data: string
  test?: string | null
  seed: number
}): Promise<TrainedOn> => ({ seed, test_share: test ? 0 : TEST_SHARE, data: await digestsOfData(data) })

/**
 * The trainings that a configuration tells of; none of a model that was trained elsewhere.
 * @throws where the record is none
 */
export function trainingsOf({ kept }: Pick<BertConfig, 'kept'>): TrainedOn[] {
  const found = kept?.[KEY]
  if (found === undefined) return []
  if (!Array.isArray(found) || !found.every(isRecord))
    throw new Error(
      `config.json: ${KEY} is ${JSON.stringify(found)}, expected a list of { seed, test_share, data }; take it out where nothing is known of the training`,
    )
  return found
}

function isRecord(value: unknown): value is TrainedOn {
  if (typeof value !== 'object' || value === null) return false
  const { seed, test_share: share, data } = value as Partial<Record<keyof TrainedOn, unknown>>
  return (
    Number.isSafeInteger(seed) &&
    typeof share === 'number' &&
    Array.isArray(data) &&
    data.every((name) => typeof name === 'string')
  )
}
