// feature-extraction: vectors of texts, by what the folder's sentence-transformers files say, or by what a call asks for.

import { embed, type Features } from '../inference/embedder.ts'
import { POOLINGS, type Pooling } from '../inference/pooling.ts'
import type { RunningModel } from '../inference/running-model.ts'
import type { SentenceSettings } from '../inference/sentence.ts'
import { mostTokens } from '../inference/open-tokenizer.ts'
import { CALL_OPTIONS, CALL_WITHOUT_MEANING, encodeCall, limitsOf, type CallOptions, type TaskContext } from './call.ts'
import { boolean, checkOptions, oneOf, text, type Known } from './options.ts'

export interface ExtractOptions extends CallOptions {
  /**
   * 'mean', 'cls' or 'max': one vector a text; 'none': one a token. What the folder's modules.json says if not given, 'none'
   * where it says nothing
   */
  pooling?: Pooling
  /** divide each vector by its L2 norm; what modules.json says if not given, for vectors of whole texts */
  normalize?: boolean
  /** one of the folder's prompts, which is put before each text; its default if not given, none where '' */
  prompt_name?: string
  /** put before each text, in place of the folder's prompts */
  prompt?: string
}

const KNOWN: Known<ExtractOptions> = {
  ...CALL_OPTIONS,
  pooling: oneOf(...POOLINGS),
  normalize: boolean,
  prompt_name: text,
  prompt: text,
}

const NOTHING: Pick<SentenceSettings, 'prompts' | 'defaultPrompt' | 'maxLength'> = {
  prompts: {},
  defaultPrompt: null,
  maxLength: Infinity,
}

export function extractorOf({ open, notes, sentence }: TaskContext) {
  return async (texts: string | readonly string[], given?: ExtractOptions): Promise<Features> => {
    const options = checkOptions('feature-extraction', given, KNOWN, CALL_WITHOUT_MEANING, notes)
    if (sentence?.refused && options.pooling === undefined)
      throw new Error(
        `feature-extraction: ${sentence.refused}; give pooling: 'none', 'mean', 'cls' or 'max' for what you need`,
      )
    const { pooling = sentence?.pooling ?? 'none', normalize = pooling !== 'none' && sentence?.normalize === true } =
      options
    const model = open()
    const prompt = promptOf(options, sentence ?? NOTHING)
    const list = (Array.isArray(texts) ? texts : [texts]) as readonly string[]
    const made = list.map((item, i) => {
      if (typeof item !== 'string') throw new TypeError(`text ${i} is ${typeof item}, expected a string`)
      return sentence?.lowercase ? (prompt + item).toLowerCase() : prompt + item
    })
    const folders = sentence?.maxLength ?? Infinity
    const limit = folders === Infinity ? mostTokens(model.tokenizer, model.config) : folders
    const encoded = await encodeCall(model, made, options, limit)
    const skip = sentence?.poolsPrompt === false ? tokensOf(prompt, model) : 0
    return embed(model, encoded, { ...limitsOf(options, model), pooling, normalize, skip })
  }
}

/** The first special token and those of the prompt, which a folder may leave out of its mean. */
const tokensOf = (prompt: string, { tokenizer, config }: RunningModel): number =>
  prompt === '' ? 0 : tokenizer.encode(prompt, config.maxPositions).length - 1

function promptOf(
  { prompt, prompt_name: name }: ExtractOptions,
  { prompts, defaultPrompt }: Pick<SentenceSettings, 'prompts' | 'defaultPrompt'>,
): string {
  if (prompt !== undefined && name !== undefined)
    throw new TypeError('feature-extraction: prompt and prompt_name are given; give one of them')
  if (prompt !== undefined) return prompt
  const wanted = name ?? defaultPrompt
  if (wanted === null || wanted === '') return ''
  if (!Object.hasOwn(prompts, wanted))
    throw new TypeError(
      `feature-extraction: prompt_name is '${wanted}', the model has ${Object.keys(prompts).join(', ') || 'no prompts'}`,
    )
  return prompts[wanted]
}
