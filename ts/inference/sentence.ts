// What sentence-transformers keeps beside a model: how its vectors are pooled, cut and normalized, and what is put before a
// text. Loaded for feature extraction alone.

import { OLDER_SENTENCE_FILES, type ModelFiles } from '../io/folder.ts'
import type { Pooling } from './pooling.ts'

export interface SentenceSettings {
  pooling: Exclude<Pooling, 'none'>
  normalize: boolean
  /** most tokens of a text; Infinity where the folder does not say */
  maxLength: number
  lowercase: boolean
  /** text by name, which is put before a text */
  prompts: Readonly<Record<string, string>>
  /** the name of the prompt where a call names none */
  defaultPrompt: string | null
  /** the mean is taken over the prompt's tokens too */
  poolsPrompt: boolean
  /** why `pooling` cannot be done here; null where it can */
  refused: string | null
}

type Json = Record<string, unknown>

/**
 * Reads modules.json and the files that it names.
 * @returns null where the folder is none of sentence-transformers
 * @throws where a file is not JSON or a value is not of its type
 */
export async function readSentenceSettings(files: ModelFiles): Promise<SentenceSettings | null> {
  const modules = await readJson(files, 'modules.json')
  if (modules === null) return null
  if (!Array.isArray(modules)) throw new Error(`${files.where}: modules.json: it is no list of modules`)
  const types = (modules as { type?: unknown; path?: unknown }[]).map(({ type, path }) => ({
    name: String(type).split('.').at(-1)!,
    path: typeof path === 'string' && /^\w[\w.-]*$/.test(path) ? path : '',
  }))
  const at = types.findIndex(({ name }) => name === 'Pooling')
  const pooling = at < 0 ? {} : (((await readJson(files, `${types[at].path}/config.json`)) ?? {}) as Json)
  const own = await readOwn(files)
  const shared = ((await readJson(files, 'config_sentence_transformers.json')) ?? {}) as Json
  const other = types.find(({ name }) => !['Transformer', 'Pooling', 'Normalize'].includes(name))
  const mode = at < 0 ? null : poolingOf(pooling)
  return {
    pooling: mode ?? 'mean',
    normalize: types.some(({ name }) => name === 'Normalize'),
    maxLength: maxLengthOf(own.max_seq_length, files.where),
    lowercase: own.do_lower_case === true,
    ...promptsOf(shared, files.where),
    poolsPrompt: pooling.include_prompt !== false,
    refused: other
      ? `modules.json has the module ${other.name}, which is not computed here`
      : mode === null
        ? `its pooling is ${at < 0 ? 'not named in modules.json' : describePooling(pooling)}, expected cls, mean or max alone`
        : null,
  }
}

/** sentence_bert_config.json, or what older releases named it. */
async function readOwn(files: ModelFiles): Promise<Json> {
  for (const name of ['sentence_bert_config.json', ...OLDER_SENTENCE_FILES]) {
    const json = await readJson(files, name)
    if (json !== null) return json as Json
  }
  return {}
}

async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const text = await files.text(name)
  if (text === null) return null
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new Error(`${files.where}: ${name}: not JSON (${(error as Error).message})`, { cause: error })
  }
}

const MODES: Record<string, SentenceSettings['pooling']> = {
  cls: 'cls',
  mean: 'mean',
  max: 'max',
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
}

const activeModes = ({ pooling_mode: mode, ...flags }: Json): string[] =>
  mode !== undefined
    ? [mode].flat().map(String)
    : Object.keys(flags).filter((key) => key.startsWith('pooling_mode_') && flags[key] === true)

const describePooling = (json: Json): string => activeModes(json).join(' and ') || 'none'

/** null where several modes are joined, or one is not computed here */
function poolingOf(json: Json): SentenceSettings['pooling'] | null {
  const modes = activeModes(json)
  return modes.length === 1 ? (MODES[modes[0]] ?? null) : null
}

function maxLengthOf(found: unknown, where: string): number {
  if (found === undefined || found === null) return Infinity
  if (!Number.isInteger(found) || (found as number) < 2)
    throw new Error(
      `${where}: sentence_bert_config.json: max_seq_length is ${JSON.stringify(found)}, expected a whole number from 2`,
    )
  return found as number
}

function promptsOf(json: Json, where: string): Pick<SentenceSettings, 'prompts' | 'defaultPrompt'> {
  const file = `${where}: config_sentence_transformers.json`
  const prompts = json.prompts ?? {}
  const isTexts = Object.values(prompts as object).every((prompt) => typeof prompt === 'string')
  if (typeof prompts !== 'object' || !isTexts)
    throw new Error(`${file}: prompts is ${JSON.stringify(prompts)}, expected texts by name`)
  const name = json.default_prompt_name ?? null
  if (name !== null && (typeof name !== 'string' || !Object.hasOwn(prompts, name)))
    throw new Error(
      `${file}: default_prompt_name is ${JSON.stringify(name)}, expected one of ${Object.keys(prompts).join(', ')}`,
    )
  return { prompts: prompts as Record<string, string>, defaultPrompt: name }
}
