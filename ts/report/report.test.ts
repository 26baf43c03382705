import { describe, expect, it } from 'vitest'
import { folderOf, ROWS, selectRows } from '../study/catalogue.ts'
import { paretoFront, scatterPlot } from './plot.ts'
import { reportHtml } from './report.ts'
import { recommend, RESULTS_SCHEMA, type StudyResults, type StudyRow } from './results.ts'
import { seedsMarkdown, summarizeSeeds } from './seeds.ts'
import { slowerNotes } from './slower.ts'
import { shortNumber, tableMarkdown } from './table.ts'

/** Every row of the catalogue; sizes and times fall from row to row, so that what is best is known. */
function syntheticResults(options: { software: boolean; finished?: boolean } = { software: true }): StudyResults {
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
      kept: 1 / (1 + i),
      f1,
      f1Low: f1 - 0.01,
      f1High: f1 + 0.01,
      parent: plan.base,
      loss: i * 0.001,
      lossLow: i * 0.001 - 0.002,
      lossHigh: i * 0.001 + 0.002,
      isNoise: i < 4,
      makeSeconds: 3 * i,
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
      validation: null,
      unlabelled: null,
      text: null,
      label: null,
      preparation: null,
      seed: 1,
      minutes: 9,
      quick: false,
      isTuned: true,
      passes: null,
      hiddenWeight: 0,
      student: null,
    },
    rows,
    recommendations: recommend(rows),
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
  it('has every row, the paper beside the ten, and marks what is emulated', () => {
    const results = syntheticResults({ software: true })
    const table = tableMarkdown(results)
    for (const { id } of ROWS) expect(table).toContain(`| \`${id}\` |`)
    expect(table).toContain('software GPU (emulated), s')
    // 8 MB / 3 and the paper's 179 MB of 711
    expect(table).toMatch(
      /\| `q8\+e8` \| 2\.67 \(3\.00x\) \| 179 \(3\.97x\) \| 0\.33 \| 0\.956 \[0\.946, 0\.966\] \| 0\.966 \|/,
    )
  })
  it('has what a row loses of its parent, its interval, and what is within chance', () => {
    const table = tableMarkdown(syntheticResults())
    expect(table).toMatch(/\| `q8` \|.*\| ~ 0\.1 \[-0\.1, 0\.3\] \|/)
    expect(table).toMatch(/\| `student\+q8\+e8` \|.*\| 0\.6 \[0\.4, 0\.8\] of student \|/)
    expect(table).toMatch(/\| `q8\+e8` \|.*\| 6 \|/)
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
      rows: first.rows.slice(0, 3).map((row) => ({ ...row, f1: row.f1 - 0.01 })),
    }
    const summary = summarizeSeeds([first, second])
    expect(summary.map(({ id }) => id)).toEqual(ROWS.map(({ id }) => id))
    expect(summary[1]).toMatchObject({ id: 'q8', seeds: 2, lowestF1: 0.948, highestF1: 0.958 })
    expect(summary[1].meanF1).toBeCloseTo(0.953, 12)
    expect(summary[1].deviationF1).toBeCloseTo(0.01 / Math.SQRT2, 12)
    expect(summary[4]).toMatchObject({ seeds: 1, deviationF1: 0 })
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
  it('is whole: every row in the table and in three plots', () => {
    for (const { id } of ROWS) expect(html).toContain(`<code>${id}</code>`)
    expect(html.match(/<svg /g)).toHaveLength(3)
    expect(html.match(/class="name"/g)).toHaveLength(3 * ROWS.length)
  })
  it('asks for nothing from outside and escapes what it shows', () => {
    expect(html).not.toMatch(/(src|href)=|url\(|@import|<script/)
    expect(html).toContain('a note with &lt;angle&gt; &amp; ampersand')
    expect(html).not.toMatch(/NaN|undefined/)
  })
  it('marks the software GPU at its column, its plot and its times', () => {
    expect(html.match(/software GPU \(emulated\)/g)!.length).toBeGreaterThan(ROWS.length)
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
  it('takes the smallest and the fastest, and the smallest that keeps F1', () => {
    const { rows } = syntheticResults()
    const aims = Object.fromEntries(recommend(rows).map(({ aim, id }) => [aim, id]))
    const last = ROWS[ROWS.length - 1].id
    expect(aims).toMatchObject({ smallest: last, 'fastest on the CPU': last, 'best F1': 'baseline' })
    // 0.99 * 0.96 = 0.9504: the fifth row has 0.952, the sixth 0.950
    expect(aims['smallest within 1 %']).toBe('tucker+e8')
    const best = recommend(rows).find(({ aim }) => aim === 'fastest within 1 %')
    expect(best?.reason).toMatch(/F1 0\.952, no more than chance from the baseline's; made in 12 s from baseline/)
  })
  it('is silent without rows', () => expect(recommend([])).toEqual([]))
})

describe('slowerNotes', () => {
  const rows = (...recipes: string[]): StudyRow[] => {
    const [baseline] = syntheticResults().rows
    const of = recipes.map((recipe): StudyRow => {
      const cpu = { ...baseline.cpu!, medianMs: 2 * baseline.cpu!.medianMs }
      return { ...baseline, id: recipe, recipe, cpu, gpu: null }
    })
    return [baseline, ...of]
  }
  it('says nothing where every row is faster', () => expect(slowerNotes(syntheticResults().rows)).toEqual([]))
  it('says how much slower a row is, and invents no cause', () => {
    expect(slowerNotes(rows('wtucker:0.25+q8', 'sp80'))).toEqual([
      ['wtucker:0.25+q8', 'slower than the baseline on the CPU (0.50 times its speed)'],
      ['sp80', 'slower than the baseline on the CPU (0.50 times its speed)'],
    ])
  })
  it('gives the recipe as the cause where its steps leave the layers as they are', () => {
    expect(slowerNotes(rows('vocab+e8'))).toEqual([
      ['vocab+e8', expect.stringMatching(/\(0\.50 times its speed\): its steps change the embeddings alone/)],
    ])
  })
})
