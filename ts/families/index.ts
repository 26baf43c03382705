// The families that there are: one line each.

import { bert } from './bert.ts'
import type { Family } from './family.ts'

/**
 * The `model_type`s of config.json with the file of their family. A file other than BERT's is imported when a model of the
 * family is opened, so that a page without one does not load it.
 */
const FAMILIES: readonly (readonly [modelType: string, load: () => Promise<Family>])[] = [
  ['bert', async () => bert],
  ['distilbert', async () => (await import('./distilbert.ts')).distilbert],
  ['roberta', async () => (await import('./roberta.ts')).roberta],
  ['camembert', async () => (await import('./roberta.ts')).camembert],
  ['xlm-roberta', async () => (await import('./roberta.ts')).xlmRoberta],
  ['electra', async () => (await import('./electra.ts')).electra],
  ['mpnet', async () => (await import('./mpnet.ts')).mpnet],
  ['albert', async () => (await import('./albert.ts')).albert],
]

/** By model type. BERT is always there: configurations that name no family are BERT's. */
const loaded = new Map<string, Family>()
addFamily(bert)

/** Makes a family known under its model types; for families that are not in this folder. */
export function addFamily(family: Family): void {
  for (const modelType of family.modelTypes) loaded.set(modelType, family)
}

/**
 * Loads the family of a `model_type`, which `familyOf` then gives.
 * @returns null where there is none
 */
export async function loadFamily(modelType: string): Promise<Family | null> {
  const known = loaded.get(modelType)
  if (known) return known
  const line = FAMILIES.find(([known]) => known === modelType)
  if (!line) return null
  const family = await line[1]()
  addFamily(family)
  return family
}

/** Model types that can be opened, for messages. */
export const modelTypes = (): string[] => [...new Set([...FAMILIES.map(([modelType]) => modelType), ...loaded.keys()])]

/** The model type whose classes of transformers have this name, for files that name a class alone; BERT's were such. */
export const modelTypeOfClass = (name: string): string | undefined =>
  modelTypes().find((modelType) => name.toLowerCase().startsWith(modelType.replace('-', '')))

/**
 * The family of a configuration; BERT where it names none.
 * @throws where the family was not loaded, as in a worker that was sent a model
 */
export function familyOf({ family = 'bert' }: { family?: string }): Family {
  const found = loaded.get(family)
  if (!found)
    throw new Error(`families: '${family}' is not loaded; open the model here, or await loadFamily('${family}') first`)
  return found
}
