import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeEngine, describeMachine } from './machine.ts'
import { SCHEMA, formatTable, percent, short, writeResult, type BenchResult } from './results.ts'

it('writes a result that reads back the same, and no half file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'compact-kernels-results-'))
  const result: BenchResult = {
    schema: SCHEMA,
    bench: 'models',
    command: 'npm run bench -- models',
    date: '2026-01-01T00:00:00.000Z',
    machine: describeMachine(),
    engine: describeEngine(),
    ceilings: {},
    rows: [],
    notes: ['[1, 2]', 'a  note'],
  }
  await writeResult(join(folder, 'r.json'), result)
  expect(JSON.parse(await readFile(join(folder, 'r.json'), 'utf8'))).toEqual(result)
  expect(await readdir(folder)).toEqual(['r.json'])
  await rm(folder, { recursive: true })
})

it('names no host', () => {
  expect(Object.keys(describeMachine()).sort()).toEqual(['class', 'cores', 'cpu', 'features', 'memoryGiB', 'platform'])
  expect(describeMachine().class).toMatch(/^[a-z0-9-]+-\d+core$/)
})

it('writes numbers with three digits', () => {
  expect([0, 1234.5, 12.345, 0.012345, 1.5e-6, undefined].map(short)).toEqual([
    '0',
    '1235',
    '12.3',
    '0.0123',
    '1.5e-6',
    '',
  ])
  expect(percent(0.934)).toBe('93 %')
})

it('aligns a table', () => {
  expect(
    formatTable(
      ['a', 'ms'],
      [
        ['long', '1'],
        ['b', '10'],
      ],
    ),
  ).toBe('a     ms\n----  --\nlong   1\nb     10')
})
