// Texts for an embedder to learn from: labels, where there are some, are not looked at.

import { createRandom } from '../../kernels/program/random.ts'
import { foldSpace, textsOfRows } from './examples.ts'
import { prepareData } from './prepare.ts'
import { loadTexts } from './unlabelled.ts'

export interface EmbedTexts {
  train: string[]
  /** none of them is among those to train on */
  test: string[]
  notes: string[]
}

export interface EmbedTextOptions {
  /** files joined by commas: one text a line, or a column of texts; builtin:mail and builtin:reviews give their training part */
  data: string
  /** files with the texts to score on; without it some of `data` */
  test?: string | null
  /** column of the texts */
  text?: string | null
  seed: number
}

/** Share of the texts that is held out where there is no file with others, and the most of them. */
const TEST_SHARE = 0.1
const MOST_TEST = 1000
/** Each is asked for its ten nearest among the others. */
const LEAST_TEST = 11

/**
 * Every text once, but for white space.
 * @throws where a file cannot be read, or there are too few texts
 */
export async function loadEmbedTexts({ data, test, text, seed }: EmbedTextOptions): Promise<EmbedTexts> {
  const notes: string[] = []
  const read = async (sources: string): Promise<Map<string, string>> => {
    const parts: string[][] = []
    for (const source of sources.split(',').map((name) => name.trim()))
      parts.push(await readTexts(source, text ?? undefined, seed, notes))
    const found = parts.flat()
    const folded = new Map(found.map((item) => [foldSpace(item), item]))
    if (folded.size < found.length) notes.push(`${found.length - folded.size} texts occur twice: once is kept`)
    return folded
  }
  const all = await read(data)
  const given = test ? await read(test) : null
  if (given) {
    const before = all.size
    for (const key of given.keys()) all.delete(key)
    if (all.size < before) notes.push(`${before - all.size} texts are also among those to score on: left out`)
  }
  const texts = createRandom(seed, 'texts of an embedder').shuffle([...all.values()])
  const held = given ? 0 : Math.min(MOST_TEST, Math.round(texts.length * TEST_SHARE))
  const parts = { train: texts.slice(held), test: given ? [...given.values()] : texts.slice(0, held) }
  if (parts.test.length < LEAST_TEST || parts.train.length === 0)
    throw new Error(
      `${data}: ${parts.train.length} texts to train on and ${parts.test.length} to score on; expected at least ${LEAST_TEST} to score on: give more texts, or a file of them as test (--test)`,
    )
  return { ...parts, notes }
}

async function readTexts(source: string, column: string | undefined, seed: number, notes: string[]): Promise<string[]> {
  if (!source.startsWith('builtin:')) return loadTexts(source, column, notes, { isRequired: column !== undefined })
  const found = await prepareData({ data: source, model: 'scratch', seed }, { maxTrain: Infinity, maxTest: Infinity })
  notes.push(...found.notes, `${source}: its training part alone`)
  return textsOfRows([...found.train, ...found.validation])
}
