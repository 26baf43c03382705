import { describe, expect, it } from 'vitest'
import { ROWS, selectRows } from '../study/catalogue.ts'
import { codeOf, commandOf, dataWords, recipeWords } from './about.ts'
import { flipsOf, flipsSection } from './flips.ts'
import { machinesTable, mergeStudies } from './merge.ts'
import { paretoFront, scatterPlot } from './plot.ts'
import { reportHtml } from './report.ts'
import { PAGE_SCRIPT } from './page-script.ts'
import { recommend } from './recommend.ts'
import type { StudyResults, StudyRow } from './results.ts'
import { FLOORS, syntheticResults } from '../../testing/study-results.ts'
import { seedsMarkdown, summarizeSeeds } from './seeds.ts'
import { slowerNotes } from './slower.ts'
import { shortNumber } from './numbers.ts'
import { tableMarkdown } from './table.ts'

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
  it('has every row, the floors, and the paper in a table of its own', () => {
    const [ours, paper] = tableMarkdown(syntheticResults({ software: false })).split("## The paper's own figures")
    for (const { id } of ROWS) expect(ours).toContain(`| \`${id}\` |`)
    expect(ours).toMatch(
      /\| `q8\+e8` \| 2\.67 \(3\.00x\) \|.*\| 0\.956 \[0\.946, 0\.966\] \|.*\| 0\.936 \|.*\| 0\.33 \|/,
    )
    expect(ours).toMatch(/\| floor: logistic regression \|.*\| 0\.900 \|.*\| 0\.800 \|/)
    // 711 / 179 and 1.51 s / 0.13 s, which the paper gives in seconds; it has no GPU figure of this row
    expect(paper).toMatch(/\| `q8\+e8` +\| +179 \(3\.97x\) \| +0\.966 \| +— \| +130 \(11\.6x\) \|/)
    expect(paper).not.toContain('sp80')
  })
  it('names the study, the data and what they are, and has milliseconds alone', () => {
    const table = tableMarkdown(syntheticResults({ software: false }))
    expect(table).toMatch(/Reproduces Torkunova & Milovanov, “Neural networks optimization: .*”, 2023/)
    expect(table).toMatch(/Data: builtin:reviews, synthetic/)
    expect(dataWords({ source: 'builtin:mail' })).toMatch(/real: e-mails/)
    expect(dataWords({ source: 'my.csv' })).toMatch(/my\.csv, a file of the user’s own; .* cannot know/)
    expect(table).toMatch(/CPU, ms .* GPU, ms|GPU, ms .* CPU, ms/)
    expect(table).not.toMatch(/[CG]PU, s\b/)
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
    expect(tableMarkdown(results)).toMatch(/\| `q8` \|.*\| 4\.00 \(= 1\.02x\) \|/)
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
    expect(html).not.toMatch(/(src|href)=|url\(|@import|fetch\(|<script[^>]/)
    expect(html).toContain('a note with &lt;angle&gt; &amp; ampersand')
    expect(html.replace(PAGE_SCRIPT, '')).not.toMatch(/NaN|undefined/)
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

describe('what a report tells of rows', () => {
  it('says recipes in words with their numbers', () => {
    expect(recipeWords('sp80x4+q8')).toMatch(
      /^sp80x4: drop 80 % of the encoder weights by magnitude; the same in blocks of 1x4\. q8: int8 linear layers/,
    )
    expect(recipeWords('heads8-ffn2048')).toMatch(/keep 8 of 12 heads and 2048 of 3072/)
    expect(recipeWords('svd:2.5MB')).toMatch(/ranks that fit the encoder/)
    for (const { store } of ROWS) expect(recipeWords(store)).not.toMatch(/<|NN|e\.g\./)
  })
  it('has the command that makes the study again, values quoted, and the code of a row', () => {
    const results = syntheticResults()
    results.settings = { ...results.settings, data: "it's mine.csv", isTuned: false, minutes: 9 }
    results.rows = results.rows.slice(0, 2)
    expect(commandOf(results)).toBe(
      `compact-kernels study --data 'it'\\''s mine.csv' --variants baseline,q8 --devices cpu,gpu --threads 2 --tokens 128 --minutes 9 --metric macroF1 --teacher none --no-tuning --seed 1 --out study-again`,
    )
    expect(codeOf(results.rows[1])).toContain("pipeline('text-classification', './models/q8'")
    expect(reportHtml(results)).toContain(commandOf(results).replaceAll("'", '&#39;'))
  })
  it('has bytes by part and the confusion of every row', () => {
    const html = reportHtml(syntheticResults())
    expect(html).toContain('<th>word</th><th>header</th><th>file</th>')
    expect(html).toContain('<td><code>q8</code></td><td>2000 f32</td><td>2000</td><td>4000</td>')
    expect(html).toContain('<th>negative as positive</th>')
    expect(html).toContain('<td><code>q8</code></td><td>95</td><td>5</td><td>4</td><td>96</td>')
  })
})

describe('flips', () => {
  const rows = [
    { id: 'baseline', predictions: [0, 1, 1] },
    { id: 'q8', predictions: [0, 0, 1] },
    { id: 'sp80', predictions: [1, 1, 0] },
  ]
  const expected = [0, 0, 1]
  it('are the texts that a row puts elsewhere, with their beginning only where that is allowed', () => {
    expect(flipsOf({ rows, expected, texts: null })).toEqual([
      { id: 'q8', index: 1, expected: 0, baseline: 1, row: 0 },
      { id: 'sp80', index: 0, expected: 0, baseline: 0, row: 1 },
      { id: 'sp80', index: 2, expected: 1, baseline: 1, row: 0 },
    ])
    expect(flipsOf({ rows, expected, texts: ['', 'x'.repeat(400), ''] })[0].text).toBe('x'.repeat(300))
  })
  it('say in the report what was won and lost, and why there are no texts', () => {
    const results = syntheticResults()
    results.data.source = 'mine.csv'
    results.flips = flipsOf({ rows, expected, texts: null })
    expect(flipsSection(results)).toContain('<code>q8</code>: 1 (0 right before, 1 right now, 0 neither)')
    expect(flipsSection(results)).toMatch(/Texts of mine\.csv are not copied .* --show-texts/)
    results.flips = flipsOf({ rows, expected, texts: ['a', '<b>', 'c'] })
    expect(reportHtml(results)).toContain('<td class="words">&lt;b&gt;</td>')
    expect(flipsSection(results)).not.toContain('--show-texts')
  })
})

describe('mergeStudies', () => {
  const here = syntheticResults({ software: true })
  const there = syntheticResults({ software: false })
  there.machine = { ...there.machine, cpu: 'other CPU' }
  const q8 = there.rows[1]
  there.rows[1] = { ...q8, modelDigest: '0123', cpu: { ...q8.cpu!, medianMs: 2 } }

  it("sets the machines' times side by side, the first machine's again, no software GPU among them", () => {
    const merged = mergeStudies([here, there])
    const [titles, , line] = machinesTable(merged)
    expect(titles).toEqual([
      'variant',
      '1: some CPU, 2 threads, ms',
      '2: other CPU, 2 threads, ms',
      '2: some adapter, ms',
    ])
    expect(line).toEqual(['q8', '4.00 (2.00x)', '2.00 (2.00x)', '4.00 (2.00x)'])
    expect(merged.notes.at(-1)).toMatch(/^other CPU: trained there, q8 are other files/)
    expect(tableMarkdown(merged)).toContain('## Times on each machine')
    expect(reportHtml(merged)).toContain('<table id="machines">')
    expect(mergeStudies([merged, there]).machines).toHaveLength(3)
    expect(reportHtml(here)).not.toContain('id="machines"')
  })
  it('refuses another study, and one alone', () => {
    const other = { ...there, settings: { ...there.settings, tokens: 64 } }
    expect(() => mergeStudies([here, other])).toThrow(/study 2 is another one than the first: tokens is 128, there 64/)
    expect(() => mergeStudies([here])).toThrow(/expected two or more/)
  })
})
