// Files as spreadsheets, pandas and hubs write them. Each test is a situation that was read wrong or refused without help.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { parseFiles, type ColumnChoice } from './dataset-rows.ts'
import { loadDataset, type LoadDatasetOptions } from './dataset.ts'
import type { Dataset } from './examples.ts'
import { readFiles } from './read-files.ts'
import { loadRows } from './rows.ts'
import { loadTexts } from './unlabelled.ts'

const folder = mkdtempSync(join(tmpdir(), 'formats-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, `${count++}-${name}`)
  writeFileSync(path, content)
  return path
}
const load = (
  name: string,
  content: string | Uint8Array,
  options: Partial<LoadDatasetOptions> = {},
): Promise<Dataset> => loadDataset(write(name, content), { seed: 1, ...options })

function read(ending: string, content: string, columns: ColumnChoice = {}): { rows: string[][]; notes: string } {
  const notes: string[] = []
  const { rows } = parseFiles([{ path: `x.${ending}`, ending, content }], columns, notes)
  return { rows: rows.map(({ text, label, line }) => [label, text, String(line)]), notes: notes.join('\n') }
}
const lines = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join('\n')

describe('tables of spreadsheets and pandas', () => {
  it('take the separator from a line sep=, and count it as a line', () => {
    const { rows, notes } = read('csv', 'sep=;\r\ntext;label\r\nso, so;0\r\ngood;1\r\n')
    expect(rows).toEqual([
      ['0', 'so, so', '3'],
      ['1', 'good', '4'],
    ])
    expect(notes).toMatch(/separated by ';', as its first line says/)
    expect(read('csv', '\ufeffsep=|\ntext|label\na|0\nb|1\n').rows).toHaveLength(2)
  })
  it('leave rows of separators alone out', () => {
    const { rows, notes } = read('csv', 'text,label\na,0\n,\nb,1\n,,,\n')
    expect(rows.map(([label]) => label)).toEqual(['0', '1'])
    expect(notes).toMatch(/2 rows without anything but separators left out/)
  })
  it('take a quote mark inside a field that is not quoted for text', () => {
    const { rows, notes } = read('csv', 'text,label\na 5" screen,1\n"quoted, ""so""",0\nplain,1\n')
    expect(rows.map(([, text]) => text)).toEqual(['a 5" screen', 'quoted, "so"', 'plain'])
    expect(notes).toMatch(/quote marks inside fields/)
    const early = read('csv', 'text,label\n"so called" words,1\n"quoted, as it is",0\n')
    expect(early.rows.map(([, text]) => text)).toEqual(['"so called" words', 'quoted, as it is'])
    expect(read('csv', 'a 5" screen;1\nplain;0\ngood;1\nbad;0\n').rows[0].slice(0, 2)).toEqual(['1', 'a 5" screen'])
  })
  it('have a header of numbers where pandas has no names', () => {
    const { rows } = read('csv', `0,1\n${lines(6, (i) => `text ${i},${i % 2}`)}`)
    expect(rows).toHaveLength(6)
    expect(rows[0].slice(0, 2)).toEqual(['0', 'text 0'])
  })
})

describe('columns by number', () => {
  const data = lines(6, (i) => `${i % 2},text ${i}`)
  it('are that column and keep the first row, also where a cell of it is that number', () => {
    // the first row's label is 1, which is no name of a column
    const { rows } = read('csv', `1,2\n${data}`, { label: '1', text: '2' })
    expect(rows).toHaveLength(7)
    expect(rows[0].slice(0, 2)).toEqual(['1', '2'])
    expect(read('csv', `2,good\n1,bad\n2,better\n1,worse\n`, { text: '2', label: '1' }).rows).toHaveLength(4)
  })
  it('are the same with a header', () => {
    expect(read('csv', `verdict,what\n${data}`, { label: '1', text: '2' }).rows).toHaveLength(6)
  })
  it('yield to a header that has exactly that name, which a note says', () => {
    const { rows, notes } = read('csv', `id,1,text\n${lines(6, (i) => `k${i},${i % 2},text ${i}`)}`, { label: '1' })
    expect(rows.map(([label]) => label)).toEqual(['0', '1', '0', '1', '0', '1'])
    expect(notes).toMatch(/'1' is the name of column 2, which is taken for the label/)
  })
  it('do not count from 0', () => {
    expect(() => read('csv', '0,good\n1,bad\n0,worse\n1,best\n', { label: '0', text: '2' })).toThrow(
      /no column '0' for the label.*number from 1 to 2.*--label/,
    )
  })
  it('of texts without labels count in the same way', async () => {
    const path = write('t.csv', 'a,one\nb,two\n')
    expect(await loadTexts(path, '2', [])).toEqual(['one', 'two'])
    expect(await loadTexts(write('t.csv', 'id,text\n1,one\n'), '2', [])).toEqual(['one'])
  })
})

describe('a column of labels that nobody named', () => {
  it('is none with one value or with empty cells', async () => {
    const cola = lines(
      60,
      (i) => `${['gj04', 'bc01', 'ks08'][i % 3]}\t${i % 2}\t${i % 2 ? '' : '*'}\tThe sentence ${i}.`,
    )
    expect((await load('cola.tsv', cola)).labels).toEqual(['0', '1'])
    const tweets = lines(
      60,
      (i) => `"${i % 2 ? 4 : 0}","${1467810000 + i}","NO_QUERY","user${i}","a note, number ${i}"`,
    )
    expect((await load('s140.csv', tweets)).labels).toEqual(['0', '4'])
    const spam = `v1,v2,,,\n${lines(60, (i) => `${i % 2 ? 'ham' : 'spam'},"Go ${i}, crazy",,,`)}`
    expect((await load('spam.csv', spam)).labels).toEqual(['ham', 'spam'])
  })
  it('of a file that is sorted by label is found', async () => {
    const sorted = lines(5000, (i) => `${i < 4000 ? 'neg' : 'pos'},x,text ${i}`)
    expect((await load('sorted.csv', sorted)).labels).toEqual(['neg', 'pos'])
  })
  it('is asked for by the option and its flag', async () => {
    await expect(
      load(
        'x.csv',
        lines(9, () => ',same,text'),
      ),
    ).rejects.toThrow(/no column looks like one of labels.*--label.*number from 1 to 3/)
    await expect(load('x.csv', 'text,label\na,1\nb,\n')).rejects.toThrow(
      /line 3: the label in column 2 is empty.*--label/,
    )
  })
})

describe('labels', () => {
  it('1, 1.0 and "1" are one class', async () => {
    const mixed = `text,label\n${lines(40, (i) => `text ${i},${['0.0', '1', '0', '1.0'][i % 4]}`)}`
    expect((await load('mix.csv', mixed)).labels).toEqual(['0', '1'])
    const floats = `text,label\n${lines(40, (i) => `text ${i} x,${i % 2}.0`)}`
    const test = write('test.csv', `text,label\n${lines(4, (i) => `text ${i},${i % 2}`)}`)
    expect((await load('fl.csv', floats, { test })).test).toHaveLength(4)
    const jsonl = lines(4, (i) => `{"text":"t${i}","label":${['1', '1.0', '"1"', '"1.0"'][i]}}`)
    expect((await loadRows(write('x.jsonl', jsonl), { seed: 1 })).labels).toEqual(['1'])
    // versions and codes stay as they are
    expect(read('csv', 'text,label\na,2.10\nb,007\n').rows.map(([label]) => label)).toEqual(['2.10', '007'])
  })
  it('True, TRUE and true are one class', async () => {
    const csv = `text,label\n${lines(8, (i) => `text ${i},${['True', 'FALSE', 'true', 'False'][i % 4]}`)}`
    expect((await load('x.csv', csv)).labels).toEqual(['false', 'true'])
    expect(() => read('jsonl', '{"text":"a","label":null}')).toThrow(/is null, .*remove the entry, .*--label/)
  })
  it('NaN is no label', async () => {
    await expect(load('x.csv', 'text,label\na,1\nb,<NA>\n')).rejects.toThrow(/column 2 is '<NA>'/)
    await expect(load('x.csv', 'text,label\na,1\nb,NaN\n')).rejects.toThrow(/line 3: the label in column 2 is 'NaN'/)
    await expect(load('x.jsonl', '{"text":"a","label":1}\n{"text":"b","label":NaN}\n')).rejects.toThrow(
      /line 2 is not JSON.*NaN, which Python writes for a missing value.*null/,
    )
  })
})

describe('JSON', () => {
  const entries = [
    { meta: { verdict: 1 }, body: { text: 'a' } },
    { meta: { verdict: 0 }, body: { text: 'b' } },
  ]
  const columns = { text: 'body.text', label: 'meta.verdict' }
  it('is a list, an object with a list, or lines, whatever the ending', () => {
    const expected = ['1', '0']
    const labels = (ending: string, content: string) => read(ending, content, columns).rows.map(([label]) => label)
    expect(labels('json', JSON.stringify(entries, null, 2))).toEqual(expected)
    expect(labels('json', JSON.stringify({ version: '1', data: entries }, null, 2))).toEqual(expected)
    expect(labels('jsonl', JSON.stringify(entries))).toEqual(expected)
    expect(labels('json', entries.map((entry) => JSON.stringify(entry)).join('\n'))).toEqual(expected)
  })
  it('has names inside others by path, a key with a dot first', () => {
    expect(read('json', '[{"a.b":"x","a":{"b":"y"},"label":1}]', { text: 'a.b' }).rows[0][1]).toBe('x')
    expect(() => read('jsonl', '{"a":{"b":"y"},"label":1}', { text: 'a.c' })).toThrow(
      /'a\.c' is missing.*the keys are a, label.*--text/,
    )
  })
  it('is read by columns and by rows of lists, as pandas and datasets write it', () => {
    const expected = [
      ['0', 'a', '1'],
      ['1', 'b', '2'],
    ]
    for (const json of [
      '{"text":["a","b"],"label":[0,1]}',
      '{"text":{"7":"a","9":"b"},"label":{"7":0,"9":1}}',
      '{"columns":["text","label"],"index":[7,9],"data":[["a",0],["b",1]]}',
    ])
      expect(read('json', json).rows).toEqual(expected)
    expect(read('json', '[["a",0],["b",1]]', { text: '1', label: '2' }).rows).toEqual(expected)
    const lists = parseFiles([{ path: 'x', ending: 'json', content: '{"text":["a","b"],"label":[["x"],[]]}' }], {}, [])
    expect(lists.rows.map(({ set }) => set)).toEqual([['x'], []])
  })
  it('of columns or of several lists is refused with what to do', () => {
    expect(() => read('json', '{"text":["a","b"],"label":[1]}')).toThrow(/'text' has 2 values, 'label' 1/)
    expect(() => read('json', '{"train":[{"text":"a"}],"test":[{"text":"b"}]}')).toThrow(/lists 'train', 'test'/)
  })
})

// Eight rows text 0…7 with labels 0 and 1: the first file is packed by snappy and names the classes, as data sets of the
// Hugging Face hub do.
const NAMED_PARQUET =
  'UEFSMRUGFaQBFWBcFRAVABUQFQAVBBUAAAAQAVAkBgAAAHRleHQgMBUKADEVCgAyFQoAMxUKADQVCgA1FQooNgYAAAB0ZXh0IDcVBBUgFRxMFQQVAAAAEAAADQEcAQAAAAAAAAAVBhUKFQ5cFRAVABUQFRAVBBUAAAAQAQMIAQOqFQQZPEgEcm9vdBUEABUMJQIYBHRleHQlAAAVBCUCGAVsYWJlbAAWEBkcGSwmCBwVDBkVABkYBHRleHQVAhYQFtABFowBJggAACaUARwVBBklABAZGAVsYWJlbBUCFhAWbhZuJsoBJpQBAAAWvgIWEDb6AQAZHBgLaHVnZ2luZ2ZhY2UYdnsiaW5mbyI6eyJmZWF0dXJlcyI6eyJ0ZXh0Ijp7ImR0eXBlIjoic3RyaW5nIiwiX3R5cGUiOiJWYWx1ZSJ9LCJsYWJlbCI6eyJuYW1lcyI6WyJuZWciLCJwb3MiXSwiX3R5cGUiOiJDbGFzc0xhYmVsIn19fX0AGAloeXBhcnF1ZXQZLBwAABwAAAAQAQAAUEFSMQ=='
const PLAIN_PARQUET =
  'UEFSMRUGFaQBFaQBXBUQFQAVEBUAFQQVAAAAEAEGAAAAdGV4dCAwBgAAAHRleHQgMQYAAAB0ZXh0IDIGAAAAdGV4dCAzBgAAAHRleHQgNAYAAAB0ZXh0IDUGAAAAdGV4dCA2BgAAAHRleHQgNxUEFSAVIEwVBBUAAAAAAAAAAAAAAAEAAAAAAAAAFQYVChUKXBUQFQAVEBUQFQQVAAAAEAEBA6oVBBk8SARyb290FQQAFQwlAhgEdGV4dCUAABUEJQIYBWxhYmVsABYQGRwZLCYIHBUMGRUAGRgEdGV4dBUAFhAW0gEW0gEmCAAAJtoBHBUEGSUAEBkYBWxhYmVsFQAWEBZuFm4mlAIm2gEAABbAAhYQNsACACgJaHlwYXJxdWV0GSwcAAAcAAAAiAAAAFBBUjE='

describe('files that are not plain text', () => {
  it('UTF-16 is decoded where a byte order mark says so, and NUL is refused', async () => {
    const text = '\ufefftext\tlabel\nплохо\t0\nхорошо\t1\n'
    const little = Buffer.from(text, 'utf16le')
    const found = await loadRows(write('x.tsv', little), { seed: 1 })
    expect(found.rows.map((row) => row.text)).toEqual(['плохо', 'хорошо'])
    expect(found.notes.join()).toMatch(/UTF-16LE by its byte order mark/)
    const big = await loadRows(write('x.tsv', Buffer.from(little).swap16()), { seed: 1 })
    expect(big.rows).toEqual(found.rows)
    const without = write('x.tsv', Buffer.from('text\tlabel\na\t0\n', 'utf16le'))
    await expect(loadRows(without, { seed: 1 })).rejects.toThrow(/line 1 holds NUL.*iconv/)
  })
  it('gzip is unpacked, up to a limit', async () => {
    const rows = `text,label\n${lines(40, (i) => `text ${i},${i % 2}`)}`
    expect((await load('x.csv.gz', gzipSync(rows))).train).toHaveLength(32)
    await expect(load('x.csv.gz', gzipSync(rows).subarray(0, 40))).rejects.toThrow(/not a whole gzip file/)
    const bomb = gzipSync(new Uint8Array(4_000_000))
    await expect(readFiles(write('bomb.csv.gz', bomb), 1_000_000)).rejects.toThrow(
      /unpacked it has more than 1 MB; take a sample/,
    )
  })
  it('Parquet is read, with the names of its classes', async () => {
    const named = await loadRows(write('x.parquet', Buffer.from(NAMED_PARQUET, 'base64')), { seed: 1 })
    expect(named.labels).toEqual(['neg', 'pos'])
    expect(named.rows.slice(0, 2)).toEqual([
      { text: 'text 0', label: 0 },
      { text: 'text 1', label: 1 },
    ])
    const plain = write('x.parquet', Buffer.from(PLAIN_PARQUET, 'base64'))
    expect((await loadRows(plain, { seed: 1 })).labels).toEqual(['0', '1'])
    expect(await loadTexts(plain, undefined, [])).toHaveLength(8)
    const cut = Buffer.from(PLAIN_PARQUET, 'base64').subarray(0, 200)
    await expect(loadRows(write('cut.parquet', cut), { seed: 1 })).rejects.toThrow(/cut\.parquet: this Parquet file/)
    await expect(loadRows(write('x.parquet', 'text,label\n'), { seed: 1 })).rejects.toThrow(/no Parquet file/)
  })
  it('others are named with what to do', async () => {
    await expect(load('x.csv', 'PK\x03\x04…')).rejects.toThrow(/Excel workbook; .*save the sheet as CSV/)
    await expect(load('x.csv', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n')).rejects.toThrow(
      /Git LFS pointer.*git lfs pull/,
    )
  })
})
