import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadTexts } from './unlabelled.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'texts-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function texts(name: string, content: string, column?: string, options = {}): Promise<string[]> {
  await writeFile(join(folder, name), content)
  return loadTexts(join(folder, name), column, [], options)
}

describe('loadTexts', () => {
  it('takes lines, and columns by their names', async () => {
    expect(await texts('a.txt', 'one\r\n\ntwo\n')).toEqual(['one', 'two'])
    expect(await texts('a.csv', 'id,text\n1,one\n2,two\n')).toEqual(['one', 'two'])
    expect(await texts('b.csv', 'id,words\n1,one\n', 'words')).toEqual(['one'])
    expect(await texts('a.jsonl', '{"text":"one"}\n"two"\n')).toEqual(['one', 'two'])
  })
  it('takes a single column with a header or without one', async () => {
    expect(await texts('one.csv', 'text\nfirst\nsecond\n')).toEqual(['first', 'second'])
    expect(await texts('one.csv', 'words\nfirst\n', 'words')).toEqual(['first'])
    expect(await texts('one.csv', 'first\nsecond\n')).toEqual(['first', 'second'])
  })
  it('refuses what has no texts, or not the column that must be there', async () => {
    await expect(texts('empty.csv', '')).rejects.toThrow(/empty\.csv: it is empty/)
    await expect(texts('two.csv', 'one,two\n1,2\n')).rejects.toThrow(/found one, two; expected a column of texts/)
    await expect(texts('one.csv', 'first\n', 'words', { isRequired: true })).rejects.toThrow(/found first; expected/)
    expect(await texts('one.csv', 'first\n', undefined, { isRequired: true })).toEqual(['first'])
  })
})
