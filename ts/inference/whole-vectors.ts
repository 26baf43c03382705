// One vector a text, as a folder of sentence-transformers says, of models that are in memory: what compression compares.

import type { Device, Session } from '../../kernels/program/device.ts'
import { memoryFiles } from '../io/folder.ts'
import { buildProgram, type ModelOutput } from '../model/bert.ts'
import type { BertConfig } from '../model/config.ts'
import type { LoadedModel } from '../model/load.ts'
import type { StoredModel } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { encodeTexts, type EncodedTexts, type RunOptions } from './batches.ts'
import { embed, type Features } from './embedder.ts'
import type { PoolingRule } from './pooling.ts'
import { readSentenceSettings } from './sentence.ts'

/** How texts become vectors. */
export interface VectorRule extends PoolingRule {
  /** most tokens of a text that the folder takes; Infinity where it does not say */
  maxLength: number
  lowercase: boolean
  /** put before every text; '' for none */
  prompt: string
  /** the prompt's tokens are no part of a mean or a maximum */
  skipsPrompt: boolean
  /** why the folder's vectors are not computed here, so that the rule is the mean of the rows; null where it is the folder's */
  refused: string | null
}

/** The rule of a model's folder; the mean of the rows, divided by its length, where it has none of sentence-transformers. */
export async function vectorRuleOf({
  where,
  filesBeside,
}: Pick<LoadedModel, 'where' | 'filesBeside'>): Promise<VectorRule> {
  const settings = await readSentenceSettings(memoryFiles(await filesBeside(), where))
  if (settings === null) return plainRule(null)
  const { pooling, normalize, maxLength, lowercase, prompts, defaultPrompt, poolsPrompt, refused } = settings
  if (refused !== null) return { ...plainRule(refused), maxLength, lowercase }
  const prompt = defaultPrompt === null ? '' : prompts[defaultPrompt]
  return { pooling, normalize, maxLength, lowercase, prompt, skipsPrompt: prompt !== '' && !poolsPrompt, refused }
}

const plainRule = (refused: string | null): VectorRule => ({
  ...{ pooling: 'mean', normalize: true, maxLength: Infinity, lowercase: false },
  ...{ prompt: '', skipsPrompt: false, refused },
})

/** Token ids of texts as the rule reads them. */
export function encodeForVectors(
  tokenizer: Tokenizer,
  texts: readonly string[],
  { maxPositions }: Pick<BertConfig, 'maxPositions'>,
  { prompt, lowercase, maxLength }: VectorRule,
): EncodedTexts {
  const read = texts.map((text) => (lowercase ? (prompt + text).toLowerCase() : prompt + text))
  return encodeTexts(tokenizer, read, Math.min(maxPositions, maxLength))
}

/**
 * The vector of every sequence, of a model that is loaded on the device for this call.
 * @param ids as `encodeForVectors` gives them, by `tokenizer`
 * @throws where a vector is not finite, and as `runBatches`
 */
export async function wholeVectors(
  device: Device,
  model: StoredModel,
  { ids, tokenizer }: { ids: readonly Int32Array[]; tokenizer: Tokenizer },
  rule: VectorRule,
  options: RunOptions = {},
): Promise<Features> {
  let loaded: Session | null = null
  const session = async (output: ModelOutput): Promise<Session> =>
    (loaded = await device.load(buildProgram(model, output, { normalize: false })))
  const { pooling, normalize, prompt, skipsPrompt } = rule
  const skip = skipsPrompt ? tokenizer.encode(prompt, model.config.maxPositions).length - 1 : 0
  try {
    const found = await embed(
      { config: model.config, session },
      { ids: [...ids] },
      { ...options, pooling, normalize, skip },
    )
    const bad = found.data.findIndex((x) => !Number.isFinite(x))
    if (bad >= 0)
      throw new Error(
        `the vector of text ${Math.floor(bad / found.dims[1])} holds ${found.data[bad]}, expected finite numbers; the model's weights are damaged or overflow`,
      )
    return found
  } finally {
    ;(loaded as Session | null)?.dispose()
  }
}
