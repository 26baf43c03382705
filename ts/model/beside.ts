// Files of a model's folder that no step touches: what sentence-transformers and other tokenizers write beside a model.

import {
  OLDER_SENTENCE_FILES,
  SENTENCE_FILES,
  SENTENCEPIECE_FILES,
  TOKENIZER_FILES,
  type ModelFiles,
} from '../io/folder.ts'

/** What a module of sentence-transformers may have in its folder. */
const MODULE_FILES = ['config.json', 'model.safetensors', 'pytorch_model.bin']

/**
 * The files beside a model that were not read with it, as far as they are there: name -> contents.
 * @param have names of the files that are known already
 * @param isTokenizerNew the tokens have other ids than the folder's, so that files with ids are left out
 */
export async function readFilesBeside(
  files: ModelFiles,
  have: readonly string[],
  isTokenizerNew: boolean,
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const tokenizer = isTokenizerNew ? ['special_tokens_map.json'] : [...TOKENIZER_FILES, ...SENTENCEPIECE_FILES]
  const names = new Set<string>([...tokenizer, ...SENTENCE_FILES, ...OLDER_SENTENCE_FILES])
  const found: Record<string, Uint8Array<ArrayBuffer>> = {}
  const read = async (name: string): Promise<void> => {
    if (have.includes(name) || Object.hasOwn(found, name)) return
    const source = await files.open(name)
    if (!source) return
    try {
      const bytes = new Uint8Array(source.size)
      await source.read(0, bytes)
      found[name] = bytes
    } finally {
      await source.close()
    }
  }
  for (const name of names) await read(name)
  const modules = found['modules.json'] ? new TextDecoder().decode(found['modules.json']) : '[]'
  for (const folder of moduleFolders(modules, files.where))
    for (const name of MODULE_FILES) await read(`${folder}/${name}`)
  return found
}

/** The folders that modules.json names. @throws where it is no list, or a folder lies elsewhere */
function moduleFolders(json: string, where: string): string[] {
  let modules: unknown
  try {
    modules = JSON.parse(json)
  } catch (error) {
    throw new Error(`${where}: modules.json: not JSON (${(error as Error).message})`, { cause: error })
  }
  if (!Array.isArray(modules)) throw new Error(`${where}: modules.json is not a list of modules`)
  return modules
    .map((module) => (module as { path?: unknown } | null)?.path)
    .filter((path): path is string => typeof path === 'string' && path !== '')
    .map((path) => {
      if (!/^[\w][\w.-]*$/.test(path))
        throw new Error(`${where}: modules.json names the folder '${path}', expected one inside the model's`)
      return path
    })
}
