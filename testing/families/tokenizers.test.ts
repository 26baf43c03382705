// Tokenizers of every kind against Hugging Face's ids (fixtures/README.md): from tokenizer.json, and from the older files.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { openTokenizer } from '../../ts/inference/tokenizer.ts'
import { sentencePieceJson } from '../../ts/text/sentencepiece.ts'
import { readSettings } from '../../ts/text/settings.ts'
import { PRESETS, type BertConfig } from '../../ts/model/config.ts'

interface Expected {
  ids: number[][]
  older?: Record<string, number[]>
  library?: Record<string, number[]>
  /** numbers of two strings; the types are those of tokenizer.json */
  pairs: { strings: [number, number]; ids: number[]; type_ids: number[] }[]
}

const ROOT = new URL('fixtures/tokenizers/', import.meta.url)
const unpack = (name: string): unknown => JSON.parse(gunzipSync(readFileSync(new URL(name, ROOT))).toString())
const STRINGS = unpack('strings.json.gz') as string[]
const KINDS = readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
const CONFIG: BertConfig = { ...PRESETS.tiny, vocabSize: 1 << 16, labels: [], recipe: '' }

/** The files of a folder, a sentencepiece model as what it is read as. */
function filesOf(folder: string): Record<string, string> {
  const root = new URL(`${folder}/`, ROOT)
  const names = readdirSync(root).filter((name) => /\.(json|txt)$/.test(name))
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(new URL(name, root), 'utf8')]))
  const model = ['spiece.model', 'sentencepiece.bpe.model'].find((name) => existsSync(new URL(name, root)))
  if (model)
    files['tokenizer.json'] = JSON.stringify(
      sentencePieceJson(readFileSync(new URL(model, root)), readSettings(files), model),
    )
  return files
}

describe.each(KINDS)('%s', (kind) => {
  const expected = unpack(`${kind}/expected.json.gz`) as Expected
  const check = async (folder: string, others: Record<string, number[]> = {}): Promise<void> => {
    const tokenizer = await openTokenizer(filesOf(folder), CONFIG, folder)
    const wrong: string[] = []
    STRINGS.forEach((text, i) => {
      const wanted = others[i] ?? expected.ids[i]
      const found = [...tokenizer.encode(text, 1 << 20)]
      if (found.join() !== wanted.join())
        wrong.push(`${i} ${JSON.stringify(text)}: ${found.join()}, expected ${wanted.join()}`)
    })
    expect(wrong, `${wrong.length} of ${STRINGS.length} strings`).toEqual([])
  }

  it('tokenizer.json gives the ids of the library', () => check(kind, expected.library))

  const older = `${kind}/older`
  if (existsSync(new URL(older, ROOT)))
    it('the older files give the ids of transformers', () => check(older, expected.older))

  it('pairs', async () => {
    const files = filesOf(kind)
    const tokenizer = await openTokenizer(files, CONFIG, kind)
    const { hasTypes } = readSettings(files)
    // transformers' own pre-tokenizer in place of the file's: fixtures/README.md
    const isFilesOwn = ({ strings }: { strings: number[] }): boolean => strings.every((i) => !expected.library?.[i])
    const pairs = expected.pairs.filter(isFilesOwn)
    expect(pairs.length > 0).toBe(kind !== 'unigram-metaspace')
    for (const { strings, ids, type_ids } of pairs) {
      const [a, b] = strings.map((i) => STRINGS[i])
      const pair = tokenizer.encodePair(a, b, 512)
      expect([...pair.ids], JSON.stringify([a, b])).toEqual(ids)
      expect([...pair.types]).toEqual(hasTypes ? type_ids : ids.map(() => 0))
    }
  })
})
