import { expect, it } from 'vitest'
import { resultHead, type BenchResult, type ResultRow } from './results.ts'
import { textsSection, textsTable } from './texts-table.ts'

const row = (
  engine: string,
  variant: string,
  batch: number,
  medianMs: number,
  more: Partial<ResultRow> = {},
): ResultRow => ({
  ...{ engine, engineVersion: '1', model: 'm', variant, device: 'cpu', threads: 1, batch, tokens: 0, medianMs },
  ...{ madMs: 0.1, p95Ms: medianMs, minMs: medianMs, cpuMs: medianMs / 2, coldMs: 9, n: 7 },
  ...{ disturbedBursts: 0, bursts: 7, noisy: false },
  distances: { f32: { mean: 0.0035, max: 0.01 }, alone: { mean: 0, max: 0 } },
  ...more,
})

const result: BenchResult = {
  ...resultHead('texts', 'npm run bench -- texts --model m'),
  ceilings: {},
  rows: [
    row('compact-kernels', 'baseline', 1, 10),
    row('transformers-js', 'baseline', 1, 5, { cpuMs: 4 }),
    row('compact-kernels', 'q8', 32, 2),
    row('transformers-js', 'q8', 32, 4, { noisy: true }),
  ],
  notes: ['m, the first 300 texts of the file'],
}

it('has both sides of a setting in a row, a loss below 1', () => {
  const [header, , first, second] = textsTable(result)
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
  expect(header.slice(4, 8)).toEqual([
    ...['ours, texts a second', 'transformers-js, texts a second', 'ours is so many times as fast'],
    'ours: from f32, by the batch',
  ])
  expect(first.slice(1, 8)).toEqual(['`baseline`', '1', '1', '100', '200', '0.500', '3.5e-3, 0.0e+0'])
  expect(second.slice(1, 7)).toEqual(['`q8`', '32', '1', '500', '250 (noisy)', '2.00'])
})

it('has the wide kernels beside ours where they ran', () => {
  const wide = { ...result, rows: [...result.rows, row('compact-kernels wide', 'q8', 32, 1)] }
  const lines = textsTable(wide).split('\n')
  const [header, first, second] = [0, 2, 3].map((at) => lines[at].split('|').map((cell) => cell.trim()))
  expect(header.filter((cell) => cell === '`--wide`')).toHaveLength(2)
  expect(first.slice(4, 9)).toEqual(['100', '', '200', '0.500', ''])
  expect(second.slice(4, 9)).toEqual(['500', '1000', '250 (noisy)', '2.00', '4.00'])
})

it('says where, when and how, and stands without a peer', () => {
  expect(textsSection(result, 'raw.json')).toMatch(/`npm run bench -- texts --model m` \(\[raw\]\(raw\.json\)\)/)
  const alone = { ...result, rows: result.rows.filter(({ engine }) => engine === 'compact-kernels') }
  expect(textsTable(alone).split('\n')[2].split('|')).toHaveLength(7)
})
