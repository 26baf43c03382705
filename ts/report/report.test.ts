import { describe, expect, it } from 'vitest'
import { folderOf, ROWS, selectRows } from '../study/catalogue.ts'
import { paretoFront, scatterPlot } from './plot.ts'
import { reportHtml } from './report.ts'
import { recommend } from './recommend.ts'
import { MARGIN, RESULTS_SCHEMA, type StudyResults, type StudyRow } from './results.ts'
import { seedsMarkdown, summarizeSeeds } from './seeds.ts'
import { slowerNotes } from './slower.ts'
import { shortNumber, tableMarkdown } from './table.ts'

const FLOORS = [
  { id: 'majority' as const, accuracy: 0.5, f1: 0, macroF1: 0.33, mcc: 0 },
  { id: 'naive-bayes' as const, accuracy: 0.8, f1: 0.8, macroF1: 0.8, mcc: 0.6 },
  { id: 'logistic-regression' as const, accuracy: 0.9, f1: 0.9, macroF1: 0.9, mcc: 0.8 },
]

/** Every row of the catalogue; sizes and times fall from row to row, so that what is best is known. */
function syntheticResults(options: { software: boolean; finished?: boolean } = { software: true }): StudyResults {
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

describe('selectRows', () => {
  it('brings the bases of the rows asked for, in the order of the table', () => {
    expect(selectRows('student+q8+e8, q8').map((row) => row.id)).toEqual(['baseline', 'q8', 'student', 'student+q8+e8'])
  })
  it('knows paper and all', () => {
    expect(selectRows('paper')).toHaveLength(10)
    expect(selectRows('all')).toEqual(ROWS)
  })
  it('takes recipes as rows: shaped first, stored afterwards, the vocabulary anywhere', () => {
    expect(selectRows('vocab+heads8-ffn2048+sp90x4+q8,student+svd:0.5').slice(-2)).toEqual([
      {
        id: 'vocab+heads8-ffn2048+sp90x4+q8',
        base: 'baseline',
        shape: 'heads8-ffn2048+sp90x4',
        store: 'vocab+q8',
      },
      { id: 'student+svd:0.5', base: 'student', shape: 'svd:0.5', store: '' },
    ])
    expect(() => selectRows('e8+sp80')).toThrow(/shapes weights first/)
  })
  it('names the rows there are where one is not known', () => {
    expect(() => selectRows('baseline,q9')).toThrow(/'q9' is not known; choose from baseline, q8, q8\+e8/)
  })
})

describe('tableMarkdown', () => {
  it('has every row, the paper beside the ten, and the floors', () => {
    const table = tableMarkdown(syntheticResults({ software: false }))
    for (const { id } of ROWS) expect(table).toContain(`| \`${id}\` |`)
    // 8 MB / 3 and the paper's 179 MB of 711
    expect(table).toMatch(
      /\| `q8\+e8` \| 2\.67 \(3\.00x\) \| 179 \(3\.97x\) \| 0\.33 \| 0\.956 \[0\.946, 0\.966\] \|.*\| 0\.936 \| 0\.966 \|/,
    )
    expect(table).toMatch(/\| floor: logistic regression \|.*\| 0\.900 \|.*\| 0\.800 \|/)
    expect(table).toMatch(/\| paper GPU \|/)
  })
  it('says of what is lost only what its one interval says, and names the correction', () => {
    const results = syntheticResults()
    results.rows[4] = { ...results.rows[4], change: 'mixed' }
    const table = tableMarkdown(results)
    expect(table).toMatch(/\| `q8` \|.*\| 0\.2 \[-0\.3, 0\.7\] no worse \|/)
    expect(table).toMatch(/\| `tucker` \|.*\| 0\.6 \[0\.1, 1\.1\] loss \|/)
    expect(table).toMatch(/\| `tucker\+e8` \|.*mixed: MCC is lower \|/)
    expect(table).toMatch(/1 - 0\.05 \/ 18, .* \(Bonferroni\)/)
    expect(table).not.toMatch(/chance|McNemar/)
  })
  it('keeps a software GPU in a section of its own, away from the figures of the paper', () => {
    const table = tableMarkdown(syntheticResults({ software: true }))
    const [before, after] = table.split('## Software GPU (emulated)')
    expect(
      before
        .split('\n')
        .filter((line) => line.startsWith('|'))
        .join(),
    ).not.toMatch(/GPU/)
    expect(after).toMatch(/\| `q8` \| +4\.00 \| +1\.000 \|/)
  })
  it('begins with a floor that does better than the baseline', () => {
    const results = syntheticResults()
    results.floors = FLOORS.map((floor) => ({ ...floor, macroF1: floor.id === 'naive-bayes' ? 0.97 : 0.5 }))
    const words = 'A linear model does better (naive Bayes): macro F1 0.970, the baseline 0.960'
    expect(tableMarkdown(results).split('\n')[0]).toBe(`**${words}.**`)
    expect(reportHtml(results)).toMatch(/<body>\n<p class="warn"><strong>A linear model does better/)
    expect(tableMarkdown(syntheticResults()).split('\n')[0]).toBe('# Variants side by side')
  })
  it('marks a ratio whose interval holds 1 as a tie', () => {
    const results = syntheticResults()
    const cpu = results.rows[1].cpu!
    results.rows[1] = {
      ...results.rows[1],
      cpu: { ...cpu, speed: { ratio: 1.02, low: 0.98, high: 1.06, isTie: true } },
    }
    expect(tableMarkdown(results)).toMatch(/\| `q8` \|.*\| 0\.00400 \(= 1\.02x\) \|/)
    expect(reportHtml(results)).toContain('= 1.02 [0.980, 1.06]')
  })
  it('has times by length and batch', () => {
    const [, after] = tableMarkdown(syntheticResults()).split('## Times by length and batch')
    expect(after).toMatch(/\| +variant +\| +device +\| +1 x 16 +\| +1 x 64 +\|/)
    expect(after).toMatch(/\| +`q8` +\| +CPU +\| +2\.00 +\| +8\.00 +\|/)
    expect(reportHtml(syntheticResults())).toContain('<h2>Times by length and batch</h2>')
  })
  it('does not speak of emulation where the GPU is real, and says where it is not finished', () => {
    const results = { ...syntheticResults({ software: false }), finished: false }
    expect(tableMarkdown(results)).not.toContain('emulated')
    expect(tableMarkdown(results)).toContain('Not finished')
  })
  it('has cells without a number where nothing was measured', () => {
    const results = syntheticResults()
    results.rows = results.rows.map((row) => ({ ...row, cpu: null, gpu: null }))
    expect(tableMarkdown(results)).toContain('| — |')
    expect(tableMarkdown(results)).not.toMatch(/NaN|undefined|null/)
  })
})

describe('seeds', () => {
  it('has mean and deviation over the seeds that have a row', () => {
    const first = syntheticResults()
    const second = {
      ...syntheticResults(),
      seed: 2,
      rows: first.rows.slice(0, 3).map((row) => ({ ...row, macroF1: row.macroF1 - 0.01 })),
    }
    const summary = summarizeSeeds([first, second])
    expect(summary.map(({ id }) => id)).toEqual(ROWS.map(({ id }) => id))
    expect(summary[1]).toMatchObject({ id: 'q8', seeds: 2, lowestScore: 0.948, highestScore: 0.958 })
    expect(summary[1].meanScore).toBeCloseTo(0.953, 12)
    expect(summary[1].deviationScore).toBeCloseTo(0.01 / Math.SQRT2, 12)
    expect(summary[4]).toMatchObject({ seeds: 1, deviationScore: 0 })
    expect(seedsMarkdown([first, second])).toMatch(/\| `q8` \| 2 \| 0\.9530 ± 0\.0071 \| 0\.9480 to 0\.9580 \|/)
  })
})

describe('shortNumber', () => {
  it.each([
    [711, '711'],
    [10.34, '10.3'],
    [0.00123456, '0.00123'],
    [0, '0'],
    [1234, '1234'],
  ])('%f is %s', (value, text) => expect(shortNumber(value)).toBe(text))
})

describe('reportHtml', () => {
  const html = reportHtml(syntheticResults({ software: true }))
  it('is whole: every row in the table and in the plots of real devices', () => {
    for (const { id } of ROWS) expect(html).toContain(`<code>${id}</code>`)
    expect(html.match(/<svg /g)).toHaveLength(2)
    expect(html.match(/class="name"/g)).toHaveLength(2 * ROWS.length)
    expect(reportHtml(syntheticResults({ software: false })).match(/<svg /g)).toHaveLength(3)
  })
  it('asks for nothing from outside and escapes what it shows', () => {
    expect(html).not.toMatch(/(src|href)=|url\(|@import|<script/)
    expect(html).toContain('a note with &lt;angle&gt; &amp; ampersand')
    expect(html).not.toMatch(/NaN|undefined/)
  })
  it('has the times of a software GPU after all others', () => {
    const [before, after] = html.split('<h2>software GPU (emulated)</h2>')
    expect(before.slice(before.indexOf('<h2>The table'))).not.toMatch(/<td>software GPU/)
    expect(after.match(/<td>software GPU \(emulated\)/g)).toHaveLength(ROWS.length)
  })
})

describe('scatterPlot', () => {
  it('draws one point and equal points without NaN', () => {
    const point = { id: 'a', x: 2, y: 0.9, yLow: 0.9, yHigh: 0.9 }
    for (const points of [[point], [point, { ...point, id: 'b' }]]) {
      const svg = scatterPlot(points, { title: 't', xLabel: 'x', yLabel: 'y' })
      expect(svg).not.toMatch(/NaN|Infinity/)
      expect(svg.match(/<circle/g)).toHaveLength(points.length)
    }
  })
  it('finds the front: less x, more y', () => {
    const points = [
      { x: 3, y: 0.9 },
      { x: 1, y: 0.5 },
      { x: 2, y: 0.4 },
      { x: 4, y: 0.9 },
    ]
    expect(paretoFront(points)).toEqual([points[1], points[0]])
  })
})

describe('recommend', () => {
  const aimsOf = (results: StudyResults): Record<string, string> =>
    Object.fromEntries(recommend(results).recommendations.map(({ aim, id }) => [aim, id]))

  it('takes the smallest and the fastest of what the validation texts and the test texts allow', () => {
    const results = syntheticResults({ software: false })
    // rows 1 and 2 are no worse, the fourth and later ones are losses
    expect(aimsOf(results)).toEqual({
      smallest: 'q8+e8',
      'fastest on the CPU': 'q8+e8',
      'fastest on the GPU': 'q8+e8',
      best: 'baseline',
    })
    const { recommendations, notes } = recommend(results)
    expect(recommendations[0].reason).toBe(
      '2.67 MB; macro F1 0.956 on the test texts, lost 0.4 [-0.1, 0.9] points, no worse; made in 6 s from baseline',
    )
    expect(notes).toContain(
      'tucker+e8 is not recommended: on the test texts it is worse than the baseline (0.8 [0.3, 1.3] points)',
    )
  })
  it('chooses on the validation texts: what is better on the test texts alone is not taken', () => {
    const results = syntheticResults()
    results.rows[2] = { ...results.rows[2], validation: 0.9, macroF1: 0.99 }
    expect(aimsOf(results)).toMatchObject({ smallest: 'q8', best: 'baseline' })
  })
  it('does not look at the times of a software GPU', () =>
    expect(aimsOf(syntheticResults({ software: true }))).not.toHaveProperty('fastest on the GPU'))
  it('takes the smaller file of two that are level in time', () => {
    const results = syntheticResults()
    const [, first, second] = results.rows
    results.rows[1] = { ...first, cpu: { ...first.cpu!, medianMs: 2.65, lowMs: 2.6, highMs: 2.7 } }
    results.rows[2] = { ...second, cpu: { ...second.cpu!, medianMs: 2.66, lowMs: 2.6, highMs: 2.7 } }
    expect(aimsOf(results)['fastest on the CPU']).toBe('q8+e8')
  })
  it('recommends nothing below a floor, and says so', () => {
    const results = syntheticResults()
    results.floors = FLOORS.map((floor) => ({ ...floor, macroF1: 0.97 }))
    const { recommendations, notes } = recommend(results)
    expect(recommendations).toEqual([])
    expect(notes[0]).toBe('nothing is recommended')
    expect(notes[1]).toMatch(/^\S+ is not recommended: on the test texts always the most frequent class does better/)
  })
  it('is silent without rows', () =>
    expect(recommend({ ...syntheticResults(), rows: [] })).toEqual({ recommendations: [], notes: [] }))
})

describe('slowerNotes', () => {
  const rows = (...ratios: number[]): StudyRow[] => {
    const [baseline] = syntheticResults().rows
    const of = ratios.map((ratio, i): StudyRow => {
      const speed = { ratio, low: ratio - 0.05, high: ratio + 0.05, isTie: Math.abs(ratio - 1) < 0.05 }
      return { ...baseline, id: `row${i}`, recipe: 'vocab+e8', cpu: { ...baseline.cpu!, speed } }
    })
    return [baseline, ...of]
  }
  it('says nothing where every row is faster', () => expect(slowerNotes(syntheticResults().rows)).toEqual([]))
  it('says how much slower a row is on a real device, and gives no cause', () => {
    expect(slowerNotes(rows(0.5, 1.02, 1.4))).toEqual([
      ['row0', 'slower than the baseline on the CPU (0.50 times its speed [0.45, 0.55])'],
      ['row1', 'no difference shown from the baseline on the CPU (1.02 times its speed [0.97, 1.07])'],
    ])
  })
})
