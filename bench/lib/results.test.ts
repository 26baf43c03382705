import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeEngine, describeMachine } from './machine.ts'
import { SCHEMA, formatTable, gpuCeilingsText, percent, short, writeResult, type BenchResult } from './results.ts'

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

it('names the rates that the adapter lacks, and says nothing of those that older results did not look for', () => {
  const old = { adapter: 'gpu', software: false, f32Fma: 1, int8Dot4: 2, copyGBs: 3 }
  expect(gpuCeilingsText(old)).toBe('gpu: f32 fma 1.00, `dot4I8Packed` 2.00 Gop/s; copy 3.00 GB/s')
  expect(gpuCeilingsText({ ...old, f16Fma: 4, int8Matrix: 5 })).toBe(
    'gpu: f32 fma 1.00, f16 fma 4.00, `dot4I8Packed` 2.00, i8 subgroup matrices 5.00 Gop/s; copy 3.00 GB/s',
  )
  expect(gpuCeilingsText({ ...old, f16Fma: null, int8Matrix: null })).toMatch(
    /GB\/s; absent: f16 fma \(.*shader-f16\), i8 subgroup matrices \(.*16x16x32.*\)$/,
  )
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
