// Results of a study with every row of the catalogue, made up, so that what a report says of them is known.

import { folderOf, ROWS } from '../ts/study/catalogue.ts'
import { MARGIN, RESULTS_SCHEMA, type StudyResults, type StudyRow } from '../ts/report/results.ts'

export const FLOORS = [
  { id: 'majority' as const, accuracy: 0.5, f1: 0, macroF1: 0.33, mcc: 0 },
  { id: 'naive-bayes' as const, accuracy: 0.8, f1: 0.8, macroF1: 0.8, mcc: 0.6 },
  { id: 'logistic-regression' as const, accuracy: 0.9, f1: 0.9, macroF1: 0.9, mcc: 0.8 },
]

/** Every row of the catalogue; sizes and times fall from row to row, so that what is best is known. */
export function syntheticResults(
  options: { software: boolean; finished?: boolean } = { software: true },
): StudyResults {
  const rows = ROWS.map((plan, i): StudyRow => {
    const f1 = 0.96 - i * 0.002
    const medianMs = 8 / (1 + i)
    const ratio = 1 + i
    const latency = {
      ...{ threads: 2, tokens: 33, batch: 1, medianMs, madMs: 0.1, p95Ms: medianMs * 1.2, coldMs: 50, n: 40 },
      ...{ lowMs: medianMs * 0.99, highMs: medianMs * 1.01 },
      speed: i === 0 ? null : { ratio, low: ratio - 0.1, high: ratio + 0.1, isTie: false },
    }
    return {
      id: plan.id,
      recipe: plan.store,
      folder: `models/${folderOf(plan.id)}`,
      bytes: Math.round(8e6 / (1 + i)),
      params: 2_000_000,
      kept: 1 / (1 + i),
      ...{ accuracy: f1, f1: f1 - 0.02, f1Low: f1 - 0.03, f1High: f1 - 0.01, macroF1: f1, mcc: f1 - 0.1 },
      ledger: [
        { name: 'word', kind: 'f32', bytes: 4e6 / (1 + i) },
        { name: 'header', kind: 'json', bytes: 4e6 / (1 + i) },
      ],
      confusion: [
        [95, 5],
        [4, 96],
      ],
      ...{ low: f1 - 0.01, high: f1 + 0.01, validation: f1 + 0.003 },
      parent: plan.base,
      ...{ loss: i * 0.002, lossLow: i * 0.002 - 0.005, lossHigh: i * 0.002 + 0.005 },
      change: i > 2 ? 'loss' : 'open',
      isNoWorse: i < 3,
      makeSeconds: 3 * i,
      agreement: i === 0 ? 1 : 0.98,
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
      positive: 'positive',
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
      validation: null,
      unlabelled: null,
      text: null,
      label: null,
      preparation: null,
      seed: 1,
      tokens: 128,
      minutes: 9,
      quick: false,
      isTuned: true,
      passes: null,
      hiddenWeight: 0,
      student: null,
      metric: 'macroF1',
      positive: null,
      balance: false,
      threshold: false,
      teacher: 'none',
    },
    floors: FLOORS,
    family: rows.length - 1,
    margin: MARGIN,
    rows,
    recommendations: [],
    shapes: [16, 64].map((tokens) => ({
      ...{ id: 'q8', device: 'cpu' as const, tokens, batch: 1, medianMs: tokens / 8, lowMs: 1, highMs: 9, n: 40 },
    })),
    notes: [],
  }
}
