// Pairs of texts, sets of labels and numbers, as files hold them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadDataset } from './dataset.ts'
import { parseFiles, type RowReading } from './dataset-rows.ts'
import { labelsOf, numberRows, splitExamples } from './examples.ts'
import { readList } from './label-names.ts'

function read(ending: string, content: string, reading: RowReading = {}) {
  const notes: string[] = []
  const found = parseFiles([{ path: `x.${ending}`, ending, content }], reading, notes)
  return { ...found, labels: labelsOf(found), notes: notes.join('\n') }
}
const sets = (ending: string, content: string, reading: RowReading = {}): (string[] | undefined)[] =>
  read(ending, content, reading).rows.map(({ set }) => set)
const MULTI = { problemType: 'multi_label_classification' } as const

describe('pairs', () => {
  const pairs = ({ rows }: ReturnType<typeof read>): string[] =>
    rows.map(({ text, text_pair: second, label }) => `${text}|${second}|${label}`)
  const expected = ['a|b|yes', 'c|d|no']

  it('are found by the names that both columns mostly have, which a note says', () => {
    const csv = read('csv', 'id,Premise,label,hypothesis\n1,a,yes,b\n2,c,no,d\n')
    expect(pairs(csv)).toEqual(expected)
    expect(csv.notes).toMatch(/texts are pairs, of the columns 'Premise' and 'hypothesis'.*--text/)
    const json = '{"sentence2":"b","sentence1":"a","label":"yes"}\n{"sentence1":"c","sentence2":"d","label":"no"}'
    expect(pairs(read('jsonl', json))).toEqual(expected)
    expect(read('jsonl', json).notes).toMatch(/of 'sentence1' and 'sentence2'/)
  })
  it('are found by name and by number', () => {
    expect(pairs(read('csv', 'q,a,l\na,b,yes\nc,d,no\n', { text: 'q', textPair: 'a', label: 'l' }))).toEqual(expected)
    expect(pairs(read('csv', 'a,b,yes\nc,d,no\n', { text: '1', textPair: '2', label: '3' }))).toEqual(expected)
    // the usual partner of a named second text
    expect(pairs(read('csv', 'premise,hypothesis,label\na,b,yes\nc,d,no\n', { textPair: 'hypothesis' }))).toEqual(
      expected,
    )
    expect(
      pairs(read('tsv', 'question\tanswer\tlabel\na\tb\tyes\nc\td\tno', { text: 'question', textPair: 'answer' })),
    ).toEqual(expected)
  })
  it('are single texts where one of them is named', () => {
    const { rows } = read('csv', 'premise,hypothesis,label\na,b,yes\nc,d,no\n', { text: 'hypothesis' })
    expect(rows.map((row) => [row.text, row.text_pair])).toEqual([
      ['b', undefined],
      ['d', undefined],
    ])
  })
  it('need two columns, and say how to name them', () => {
    const csv = 'text,label\na,yes\nb,no\n'
    expect(() => read('csv', csv, { textPair: 'other' })).toThrow(/no column 'other' for the second text.*--text-pair/)
    expect(() => read('csv', csv, { text: 'text', textPair: 'text' })).toThrow(/text and second text are both column 1/)
    expect(() => read('jsonl', '{"text":"a","label":1}', { textPair: 'b' })).toThrow(/'b' is missing.*--text-pair/)
    expect(() => read('jsonl', '{"text":"a","label":1}', { textPair: 'text' })).toThrow(/both texts of a pair/)
  })
  it('lose rows where one text is empty, with a note', () => {
    const { rows, notes } = read('csv', 'text,text_pair,label\na,b,yes\nc,,no\nd,e,no\n')
    expect(rows).toHaveLength(2)
    expect(notes).toMatch(/1 rows with an empty text/)
  })
})

describe('sets of labels', () => {
  it('come as lists in JSON and, as pandas and Python write them, in cells', () => {
    const found = read(
      'jsonl',
      '{"text":"a","labels":["x","y"]}\n{"text":"b","labels":[]}\n{"text":"c","labels":[1.0]}',
    )
    expect(found.problemType).toBe('multi_label_classification')
    expect(found.rows.map(({ set }) => set)).toEqual([['x', 'y'], [], ['1']])
    expect(sets('csv', `text,label\na,"['x', ""y's""]"\nb,[]\nc,['z']\n`)).toEqual([['x', "y's"], [], ['z']])
    expect(sets('csv', 'text,label\na,"[1, 2]"\nb,\n')).toEqual([['1', '2'], []])
  })
  it('come with a separator that is named', () => {
    const csv = 'text,label\na,x; y\nb,\nc,y;\n'
    expect(sets('csv', csv.replaceAll(',', '\t').replace(/\t$/, ''), { labelSeparator: ';' })).toEqual([
      ['x', 'y'],
      [],
      ['y'],
    ])
    expect(sets('jsonl', '{"text":"a","label":"x|y"}', { labelSeparator: '|' })).toEqual([['x', 'y']])
  })
  it('come as columns of 0 and 1 that are named, or that have the names of the model’s labels', () => {
    const csv = 'text,toxic,insult,threat\na,1,0,0\nb,1.0,1,0\nc,0,False,0\n'
    const expected = [['toxic'], ['toxic', 'insult'], []]
    const named = read('csv', csv, { label: 'toxic,insult,threat' })
    expect(named.rows.map(({ set }) => set)).toEqual(expected)
    // a label that holds of no text is one all the same
    expect(named.labels).toEqual(['toxic', 'insult', 'threat'])
    expect(sets('csv', csv, { ...MULTI, modelLabels: ['threat', 'insult', 'toxic'] })).toEqual([
      ['toxic'],
      ['insult', 'toxic'],
      [],
    ])
    expect(sets('csv', 'a,1,0\nb,0,0\n', { label: '2,3', text: '1' })).toEqual([['LABEL_0'], []])
    const json = '{"text":"a","toxic":1,"insult":false}\n{"text":"b","toxic":"0","insult":true}'
    expect(sets('jsonl', json, { label: 'toxic,insult' })).toEqual([['toxic'], ['insult']])
    expect(() => read('csv', csv.replace('b,1.0', 'b,-1'), { label: 'toxic,insult' })).toThrow(
      /line 3: the label in column 2 is '-1', expected 1 where the label holds.*--label/,
    )
    expect(() => read('csv', csv, { label: 'toxic,mild' })).toThrow(/no column 'mild' for the label/)
    expect(() => read('csv', csv, { label: 'toxic,insult', problemType: 'single_label_classification' })).toThrow(
      /--problem-type.*--label/,
    )
  })
  it('come as lists of 0 and 1 with a place for each label', () => {
    const json = '{"text":"a","labels":[1,0,0]}\n{"text":"b","labels":[0.0,1.0,1.0]}'
    const found = read('jsonl', json)
    expect(found.rows.map(({ set }) => set)).toEqual([['LABEL_0'], ['LABEL_1', 'LABEL_2']])
    expect(found.notes).toMatch(/each list has 3 numbers/)
    expect(sets('jsonl', json, { ...MULTI, modelLabels: ['x', 'y', 'z'] })).toEqual([['x'], ['y', 'z']])
    // two different numbers may be labels
    expect(sets('jsonl', '{"text":"a","labels":[0,1]}\n{"text":"b","labels":[1,0]}')).toEqual([
      ['0', '1'],
      ['1', '0'],
    ])
  })
  it('are one label each where the model’s do not compete and the data has classes', () => {
    expect(sets('csv', 'text,label\na,x\nb,y\nc,\n', MULTI)).toEqual([['x'], ['y'], []])
  })
  it('are no classes', () => {
    const reading = { problemType: 'single_label_classification' } as const
    expect(() => read('jsonl', '{"text":"a","label":["x"]}', reading)).toThrow(/is a list.*--problem-type/)
  })
  it('are split so that a rare label is in both parts', () => {
    const content = Array.from({ length: 40 }, (_, i) =>
      JSON.stringify({ text: `t${i}`, label: i < 4 ? ['a', 'b'] : ['a'] }),
    )
    const { rows } = read('jsonl', content.join('\n'))
    const { train, test } = splitExamples(numberRows(rows, ['a', 'b']), { seed: 1, testShare: 0.2, classes: 2 })
    const rare = (part: { set?: number[] }[]): number => part.filter(({ set }) => set?.includes(1)).length
    expect([rare(train), rare(test)]).toEqual([3, 1])
  })
})

describe('numbers', () => {
  const regression = { problemType: 'regression' } as const
  const values = (ending: string, content: string): (number | undefined)[] =>
    read(ending, content, regression).rows.map(({ value }) => value)
  it('are read as they are', () => {
    expect(values('csv', 'sentence1,sentence2,score\na,b,4.5\nc,d,-1e-1\ne,f,3\n')).toEqual([4.5, -0.1, 3])
    expect(values('jsonl', '{"text":"a","label":0.25}\n{"text":"b","label":"2"}')).toEqual([0.25, 2])
    expect(values('csv', '4.5,a long text\n2.5,another text\n')).toEqual([4.5, 2.5])
  })
  it('are classes where nothing says otherwise, which a note tells', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tasks-'))
    const path = join(folder, 'x.csv')
    writeFileSync(
      path,
      `text,stars\n${Array.from({ length: 20 }, (_, i) => `text ${i},${i % 2 ? 1.5 : 3}`).join('\n')}\n`,
    )
    const { labels, notes } = await loadDataset(path, { seed: 1 })
    rmSync(folder, { recursive: true })
    expect(labels).toEqual(['1.5', '3'])
    expect(notes.join()).toMatch(/numbers with fractions, taken for 2 classes.*--problem-type/)
  })
  it('are asked for by the flag that helps', () => {
    expect(() => values('csv', 'text,label\na,1.5\nb,good\n')).toThrow(
      /line 3: the label in column 2 is 'good', expected a number.*--label.*--problem-type/,
    )
    expect(() => values('csv', 'text;label\na;1,5\nb;2,5\n')).toThrow(/'1,5'.*write it with a point/)
    expect(() => values('csv', 'text,label\na,\nb,2\n')).toThrow(/is '', expected a number/)
    expect(() => values('jsonl', '{"text":"a","label":null}')).toThrow(/is null, expected a number/)
  })
})

it('reads lists as JSON and Python write them, and nothing else', () => {
  expect(readList(`['a', "b's", 'it\\'s']`)).toEqual(['a', "b's", "it's"])
  expect(readList('[True, None, 1.5]')).toEqual([true, null, '1.5'])
  expect(readList('["a", 2]')).toEqual(['a', 2])
  for (const other of ['a', '[a]', "['a' 'b']", '[1', '[[1]]']) expect(readList(other)).toBeNull()
})
