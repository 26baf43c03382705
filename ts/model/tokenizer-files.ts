// The files of a model's tokenizer, as far as they are there: those that are needed are asked for, since each is a request
// where the model is fetched.

import { SENTENCEPIECE_FILES, type ModelFiles } from '../io/folder.ts'

/**
 * @param modelType `model_type` of the model, whose class reads a sentencepiece model
 * @returns name -> text; a sentencepiece model as the tokenizer.json that it amounts to
 */
export async function readTokenizerFiles(files: ModelFiles, modelType: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const read = async (...names: string[]): Promise<void> => {
    for (const name of names) {
      const text = await files.text(name)
      if (text !== null) found[name] = text
    }
  }
  await read('tokenizer.json', 'vocab.txt', 'tokenizer_config.json')
  // tokenizer_config.json has what these two say where it lists added tokens, or was written with none beside tokenizer.json
  const config = found['tokenizer_config.json'] ?? ''
  const saysAll = config.includes('"added_tokens_decoder"') || config.includes('"backend"')
  if (!saysAll) await read('special_tokens_map.json', 'added_tokens.json')
  if (found['tokenizer.json'] || found['vocab.txt']) return found
  await read('vocab.json', 'merges.txt')
  if (!found['vocab.json']) await readSentencePiece(files, modelType, found)
  return found
}

async function readSentencePiece(files: ModelFiles, modelType: string, found: Record<string, string>): Promise<void> {
  for (const name of SENTENCEPIECE_FILES) {
    const source = await files.open(name)
    if (!source) continue
    const bytes = new Uint8Array(source.size)
    try {
      await source.read(0, bytes)
    } finally {
      await source.close()
    }
    const [{ sentencePieceJson }, { readSettings }] = await Promise.all([
      import('../text/sentencepiece.ts'),
      import('../text/settings.ts'),
    ])
    found['tokenizer.json'] = JSON.stringify(
      sentencePieceJson(bytes, readSettings(found, { modelType }), `${files.where}: ${name}`),
    )
    return
  }
}
