import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { loadDataset, type LoadDatasetOptions } from './dataset.ts'
import { balanceExamples, splitExamples, type Dataset } from './examples.ts'
import { parseFiles } from './dataset-rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'dataset-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function write(ending: string, content: string | Uint8Array): string {
  const path = join(folder, `data-${files++}.${ending}`)
  writeFileSync(path, content)
  return path
}
const load = (
  ending: string,
  content: string | Uint8Array,
  options: Partial<LoadDatasetOptions> = {},
): Promise<Dataset> => loadDataset(write(ending, content), { seed: 1, ...options })
const rows = (ending: string, content: string, columns = {}): [string, string][] =>
  parseFiles([{ path: `x.${ending}`, ending, content }], columns, []).rows.map(({ text, label }) => [label, text])

describe('formats', () => {
  const expected = [
    ['1', 'good film'],
    ['0', 'bad film'],
    ['1', 'good book'],
    ['0', 'bad book'],
  ]

  test('header or none, label first or text first', () => {
    expect(rows('tsv', 'label\ttext\n1\tgood film\n0\tbad film\n1\tgood book\n0\tbad book\n')).toEqual(expected)
    expect(rows('tsv', '1\tgood film\n0\tbad film\n1\tgood book\n0\tbad book')).toEqual(expected)
    expect(rows('csv', 'good film,1\nbad film,0\ngood book,1\nbad book,0\n')).toEqual(expected)
    expect(rows('csv', 'Review,Sentiment\r\ngood film,1\r\nbad film,0\r\ngood book,1\r\nbad book,0\r\n')).toEqual(
      expected,
    )
    expect(rows('csv', 'what,verdict\ngood film,1\nbad film,0\ngood book,1\nbad book,0\n')).toEqual(expected)
  })

  test('columns by name and by number', () => {
    const content = 'id,what,verdict\n7,good film,1\n8,bad film,0\n'
    expect(rows('csv', content, { text: 'what', label: 'verdict' })).toEqual(expected.slice(0, 2))
    expect(rows('csv', 'a,good film,1\nb,bad film,0\n', { text: '2', label: '3' })).toEqual(expected.slice(0, 2))
    // a header is no row, however the columns are named
    const many = 'verdict,what\n' + '1,good film\n0,bad film\n'.repeat(3)
    expect(rows('csv', many, { text: '2', label: '1' })).toHaveLength(6)
    expect(() => rows('csv', content, { text: 'words' })).toThrow(
      /no column 'words' for the text.*'id', 'what', 'verdict'/,
    )
    expect(() => rows('csv', content, { text: 'what', label: '9' })).toThrow(/number from 1 to 3/)
    expect(() => rows('csv', content, { text: 'what', label: 'what' })).toThrow(/both column 2/)
  })

  test('a TSV whose every field is quoted', () => {
    expect(rows('tsv', '"label"\t"text"\n"1"\t"good film"\n"0"\t"bad film"\n')).toEqual(expected.slice(0, 2))
  })

  test('quotes, separators and line ends inside quoted texts', () => {
    expect(rows('csv', 'label,text\n1,"good, ""very"" good\nfilm"\n0,bad\n')).toEqual([
      ['1', 'good, "very" good\nfilm'],
      ['0', 'bad'],
    ])
    expect(rows('csv', 'label;text\n1;good, really\n0;bad, really\n')).toEqual([
      ['1', 'good, really'],
      ['0', 'bad, really'],
    ])
  })

  test('TSV: a quote mark is a quote mark, unless a writer quoted the fields', () => {
    expect(rows('tsv', 'label\ttext\n1\t"good" film\n0\tthe "bad\n')).toEqual([
      ['1', '"good" film'],
      ['0', 'the "bad'],
    ])
    expect(rows('tsv', 'label\ttext\n1\t"a ""good"" film"\n0\tbad\n')).toEqual([
      ['1', 'a "good" film'],
      ['0', 'bad'],
    ])
    expect(rows('tsv', 'label\ttext\n1\t"good\nfilm"\n0\t"bad\tfilm"\n')).toEqual([
      ['1', 'good\nfilm'],
      ['0', 'bad\tfilm'],
    ])
  })

  test('JSONL and JSON; numbers, booleans and words as labels', () => {
    expect(rows('jsonl', '{"text":"good film","label":1}\n\n{"label":0,"text":"bad film"}\n')).toEqual(
      expected.slice(0, 2),
    )
    expect(rows('json', '[{"review":"a","stars":true},{"review":"b","stars":"no"}]')).toEqual([
      ['true', 'a'],
      ['no', 'b'],
    ])
  })

  test('what CSV can hold comes back as it was', () => {
    const text = fc
      .string({ unit: fc.constantFrom('a', 'Ж', ',', '"', '\n', ' ', ';', '\t', '😀') })
      .map((s) => `t${s}.`)
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.constantFrom('pos', 'neg')), { minLength: 1 }), (entries) => {
        const quote = (cell: string): string => `"${cell.replaceAll('"', '""')}"`
        const csv = 'label,text\n' + entries.map(([t, l]) => `${l},${quote(t)}`).join('\n')
        expect(rows('csv', csv)).toEqual(entries.map(([t, l]) => [l, t]))
        const jsonl = entries.map(([t, l]) => JSON.stringify({ text: t, label: l })).join('\n')
        expect(rows('jsonl', jsonl)).toEqual(entries.map(([t, l]) => [l, t]))
      }),
      { seed: 3 },
    )
  })

  test('whatever the bytes, the answer is rows or an error that names the file', () => {
    const soup = fc.string({ unit: fc.constantFrom('a', '1', ',', '"', '\n', '\t', '{', '}', ':', ';', '\r', '[') })
    fc.assert(
      fc.property(soup, fc.constantFrom('csv', 'tsv', 'jsonl', 'json'), (content, ending) => {
        try {
          for (const [label, text] of rows(ending, content)) {
            expect(label.trim()).not.toBe('')
            expect(text.trim()).not.toBe('')
          }
        } catch (error) {
          expect((error as Error).message).toMatch(/^x\.\w+: .*(expected|read|name)/s)
        }
      }),
      { seed: 8, numRuns: 1000 },
    )
  })
})

describe('loadDataset', () => {
  const many = (n: number): string =>
    'label\ttext\n' + Array.from({ length: n }, (_, i) => `${i % 4 === 0 ? 'spam' : 'ham'}\tmessage ${i}`).join('\n')

  test('a seeded, stratified split of 4:1', async () => {
    const path = write('tsv', many(200))
    const data = await loadDataset(path, { seed: 5 })
    expect(data.labels).toEqual(['ham', 'spam'])
    expect([data.train.length, data.test.length]).toEqual([160, 40])
    expect(data.test.filter(({ label }) => label === 1).length).toBe(10)
    expect(await loadDataset(path, { seed: 5 })).toEqual(data)
    expect((await loadDataset(path, { seed: 6 })).test).not.toEqual(data.test)
  })

  test('texts of the test part are removed from train, and counted', async () => {
    const data = await load('tsv', many(40), { test: write('tsv', many(4)) })
    expect([data.train.length, data.test.length]).toEqual([36, 4])
    expect(data.notes.join()).toContain('4 of 40 training texts are also in the test part')
  })

  test('texts that differ in white space alone are the same text', async () => {
    const data = await load('tsv', many(40), { test: write('tsv', 'label\ttext\nham\t message  1 \nspam\tother\n') })
    expect(data.train.map(({ text }) => text)).not.toContain('message 1')
    expect(data.train.length).toBe(39)
  })

  test('several files, joined by commas, are one data set', async () => {
    const [first, second] = [write('tsv', many(30)), write('csv', 'text,label\nanother,ham\nmore,spam\n')]
    const data = await loadDataset(`${first},${second}`, { test: write('tsv', many(4)), seed: 1 })
    expect(data.train.length).toBe(28)
    expect(data.train.map(({ text }) => text)).toContain('another')
    await expect(loadDataset(`${first},`, { seed: 1 })).rejects.toThrow(/empty file name/)
  })

  test('files with other columns are refused', async () => {
    const [first, second] = [write('tsv', many(30)), write('csv', 'review,label\nanother,ham\nmore,spam\n')]
    await expect(loadDataset(`${first},${second}`, { seed: 1 })).rejects.toThrow(
      /data-\d+\.csv: text 'review' and label 'label', expected text 'text' and label 'label' as in .*\.tsv; give the files the same columns/,
    )
  })

  test('numeric labels are sorted by value', async () => {
    const data = await load('tsv', Array.from({ length: 44 }, (_, i) => `${(i % 11) + 1}\ttext ${i}`).join('\n'))
    expect(data.labels).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11'])
    expect(data.test.length).toBe(11)
  })

  test('rows without a text are left out and counted; a byte order mark is no part of the header', async () => {
    const data = await load('tsv', '\ufeff' + many(20) + '\nham\t \n')
    expect(data.train.length + data.test.length).toBe(20)
    expect(data.notes.join()).toContain('1 rows with an empty text left out')
  })

  test('builtin:reviews', async () => {
    const data = await loadDataset('builtin:reviews', { seed: 1 })
    expect(data.train.length).toBe(4 * data.test.length)
    await expect(loadDataset('builtin:news', { seed: 1 })).rejects.toThrow(
      /there is builtin:mail .* or builtin:reviews/,
    )
    await expect(loadDataset('builtin:reviews', { seed: 1, text: 'a' })).rejects.toThrow(
      /leave the options test, text and label out/,
    )
  })

  test('bad input names the file, what was found and what to do', async () => {
    await expect(loadDataset(join(folder, 'none.csv'), { seed: 1 })).rejects.toThrow(
      /none\.csv: not read: there is no such/,
    )
    await expect(loadDataset(folder, { seed: 1 })).rejects.toThrow(/it is a folder/)
    await expect(load('csv', '')).rejects.toThrow(/it is empty/)
    await expect(load('csv', 'label,text\n')).rejects.toThrow(/no rows|expected rows/)
    await expect(load('txt', 'a\n')).rejects.toThrow(/ending '\.txt' is not known; expected \.csv/)
    await expect(load('tsv', 'label\ttext\n1\ta\n1\tb\n')).rejects.toThrow(
      /all 2 rows have the label '1'; expected at least two/,
    )
    await expect(load('tsv', 'label\ttext\n1\ta\n0\n')).rejects.toThrow(/line 3 has 1 columns, expected 2/)
    await expect(load('tsv', 'label\ttext\n1\ta\n0\tb\tc\n')).rejects.toThrow(
      /line 3 has 3 columns, expected 2.*quote texts/,
    )
    await expect(load('csv', 'label,text\n1,a\n0,b,c\n')).rejects.toThrow(/line 3 has 3 columns, expected 2/)
    await expect(load('csv', 'label,text\n1,a\n0,"b\n')).rejects.toThrow(/expected CSV with texts in double quotes/)
    await expect(load('csv', 'label,text\n1,a\n,b\n')).rejects.toThrow(/line 3: the label in column 1 is empty/)
    await expect(load('csv', 'text\na\nb\n')).rejects.toThrow(/one column/)
    await expect(load('jsonl', '{"text":"a","label":1}\n{"text":"b"}\n')).rejects.toThrow(/line 2: 'label' is missing/)
    await expect(load('jsonl', '{"text":"a","label":1}\n{"text":5,"label":1}\n')).rejects.toThrow(
      /line 2: 'text' is of type number/,
    )
    await expect(load('jsonl', '{"text":"a","label":1}\n{"text"\n')).rejects.toThrow(/line 2 is not JSON/)
    await expect(load('jsonl', '{"a":"a","b":1}\n')).rejects.toThrow(/keys a, b; name the text with the option text/)
    const classes = 'label\ttext\n' + Array.from({ length: 1001 }, (_, i) => `c${i}\tt${i}`).join('\n')
    await expect(load('tsv', classes)).rejects.toThrow(/1001 different values, expected at most 1000/)
    const other = write('tsv', 'label\ttext\nmaybe\ta\nham\tb\n')
    await expect(load('tsv', many(20), { test: other })).rejects.toThrow(/line 2: label 'maybe' never occurs/)
    const oneClass = write('tsv', 'label\ttext\nham\ta\nham\tb\n')
    await expect(load('tsv', many(20), { test: oneClass })).rejects.toThrow(/test part has only the label 'ham'/)
    await expect(load('tsv', many(20), { testShare: 1 })).rejects.toThrow(/testShare = 1/)
  })

  test('other encodings are refused with the line', async () => {
    const cp1251 = new Uint8Array([...Buffer.from('label\ttext\n1\tok\n0\t'), 0xcf, 0xeb, 0xee, 0xf5, 0xee, 10])
    await expect(load('tsv', cp1251)).rejects.toThrow(/line 3 is not UTF-8.*iconv -f WINDOWS-1251/)
    await expect(load('tsv', Buffer.from('\ufefflabel\ttext\n', 'utf16le'))).rejects.toThrow(/a header and no rows/)
  })
})

describe('balanceExamples', () => {
  test('repeats the examples of rarer classes evenly', () => {
    const examples = Array.from({ length: 17 }, (_, i) => ({ id: i, label: i < 12 ? 0 : i < 16 ? 2 : 1 }))
    const balanced = balanceExamples(examples, 1)
    expect([0, 1, 2].map((label) => balanced.filter((of) => of.label === label).length)).toEqual([12, 12, 12])
    for (const { id, label } of examples) expect(balanced.filter((of) => of.id === id).length).toBe([1, 12, 3][label])
  })
})

describe('splitExamples', () => {
  test('every example is in one part, and each class in both', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (labels, testShare) => {
          const examples = labels.map((label, i) => ({ text: String(i), label }))
          const { train, test } = splitExamples(examples, { seed: 1, testShare, classes: 4 })
          expect([...train, ...test].map(({ text }) => Number(text)).sort((a, b) => a - b)).toEqual(
            labels.map((_, i) => i),
          )
          for (let c = 0; c < 4; c++)
            if (labels.filter((label) => label === c).length >= 2)
              for (const part of [train, test]) expect(part.some(({ label }) => label === c)).toBe(true)
        },
      ),
      { seed: 2 },
    )
  })
})

// Real files, too large and not free to ship: labels, rows and how many training texts are also in the test file.
const REAL = new URL('../../../shared/data/text/', import.meta.url)
const CASES = [
  { train: 'sst2.train.tsv', test: 'sst2.test-labeled.tsv', rows: [67347, 1821], removed: 2 },
  { train: 'rusentiment.random_posts.tsv', test: 'rusentiment.test.tsv', rows: [6928, 794], removed: 1 },
]
const realData = (): void => {
  for (const { train, test: held, rows: expected, removed } of CASES)
    test(`${train}: every row is read`, async () => {
      const at = (name: string): string => fileURLToPath(new URL(name, REAL))
      const data = await loadDataset(at(train), { test: at(held), seed: 1 })
      expect([data.train.length, data.test.length]).toEqual(expected)
      expect(data.labels).toEqual(['0', '1'])
      expect(data.notes[0]).toMatch(new RegExp(`^${removed} of`))
      expect(data.train.some(({ text }) => text === 'text')).toBe(false)
    })
  test('sms-spam.tsv: 5574 rows, split 4:1', async () => {
    const data = await loadDataset(fileURLToPath(new URL('sms-spam.tsv', REAL)), { seed: 1 })
    expect(data.test.length + data.train.length + Number(/^\d+/.exec(data.notes[0])?.[0])).toBe(5574)
    const spam = data.test.filter(({ label }) => label === 1).length / data.test.length
    expect(Math.abs(spam - 0.134)).toBeLessThan(0.005)
  })
}
if (existsSync(REAL)) describe('real data', realData)
else
  console.warn(
    `\n*** Real data sets are not at ${fileURLToPath(REAL)}: checking the loader on made-up files only ***\n`,
  )
