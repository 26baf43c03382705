// A whole results object with made-up numbers, for the tests of table and report.

import { ROWS, folderOf } from './catalogue.ts'
import { recommend, RESULTS_SCHEMA, type StudyResults, type StudyRow } from './results.ts'

/** Every row of the catalogue; sizes and times fall from row to row, so that what is best is known. */
export function syntheticResults(
  options: { software: boolean; finished?: boolean } = { software: true },
): StudyResults {
  const rows = ROWS.map((plan, i): StudyRow => {
    const f1 = 0.96 - i * 0.002
    const medianMs = 8 / (1 + i)
    const latency = { threads: 2, tokens: 33, batch: 1, medianMs, madMs: 0.1, p95Ms: medianMs * 1.2, coldMs: 50, n: 40 }
    return {
      id: plan.id,
      recipe: plan.store,
      folder: `models/${folderOf(plan.id)}`,
      bytes: Math.round(8e6 / (1 + i)),
      params: 2_000_000,
      f1,
      f1Low: f1 - 0.01,
      f1High: f1 + 0.01,
      accuracy: f1,
      agreement: i === 0 ? 1 : 0.98,
      mcnemarP: i === 0 ? 1 : 0.4,
      cpu: latency,
      gpu: {
        ...latency,
        threads: 0,
        adapter: options.software ? 'software GPU (emulated), SwiftShader' : 'some adapter',
        software: options.software,
        agreement: 1,
        maxDifference: 1e-6,
        checked: 16,
      },
      note: i === 3 ? 'a note with <angle> & ampersand' : '',
    }
  })
  return {
    schema: RESULTS_SCHEMA,
    finished: options.finished ?? true,
    date: '2024-01-02T03:04:05.000Z',
    machine: { cpu: 'some CPU', cores: 2, memoryBytes: 8e9, platform: 'linux' },
    engine: {
      name: 'compact-kernels',
      version: '0.1.0',
      node: '24.0.0',
      v8: '13.6',
      cpu: 'wasm, 2 threads',
      gpu: rows[0].gpu!.adapter,
    },
    model: { source: 'scratch', shape: '4 layers, C = 128', trained: 'trained from random weights' },
    data: {
      source: 'builtin:reviews',
      name: 'builtin:reviews',
      labels: ['negative', 'positive'],
      train: 7000,
      validation: 600,
      test: 2000,
      hash: '0123456789abcdef',
      notes: [],
    },
    seed: 1,
    settings: {
      model: 'scratch',
      data: 'builtin:reviews',
      test: null,
      text: null,
      label: null,
      seed: 1,
      minutes: 9,
      quick: false,
    },
    rows,
    recommendations: recommend(rows),
    notes: [],
  }
}
