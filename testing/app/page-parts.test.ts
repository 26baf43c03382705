// Parts of the page that need no browser: addresses, results of other machines, labels of plots, texts from files.

import { describe, expect, it } from 'vitest'
import { placeLabels, rowsOf, sizePoints, timePoints } from '../../app/chart-data.ts'
import type { ModelTime } from '../../app/messages.ts'
import { parseResults, RESULTS_SCHEMA, type PageResults } from '../../app/results.ts'
import { makeScene } from '../../app/scene.ts'
import { readTexts } from '../../app/text-files.ts'
import { readView, viewText } from '../../app/view.ts'
import { en } from '../../app/words.en.ts'
import { ru } from '../../app/words.ru.ts'
import { seededRandom } from '../../kernels/testing/random.ts'

const DEVICE = { kind: 'wasm', threads: 1 } as const

const time = (variant: string, tokens: number, medianMs: number): ModelTime => ({
  part: 'models',
  kind: 'cpu',
  device: 'wasm relaxed-simd, 1 thread',
  software: false,
  threads: 1,
  medianMs,
  madMs: 0.01,
  n: 9,
  noisy: false,
  model: 'sentiment',
  variant,
  bytes: 1000,
  tokens,
  p95Ms: medianMs,
  coldMs: 2,
})

const RESULTS: PageResults = {
  schema: RESULTS_SCHEMA,
  date: '2026-11-30T00:00:00.000Z',
  machine: { browser: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/147.0', cores: 8, isolated: true, adapter: null },
  model: 'sentiment',
  scores: { q8: { bytes: 1000, accuracy: 0.9, f1: 0.9, f1Low: 0.88, f1High: 0.92 } },
  finished: true,
  quick: false,
  rows: [time('q8', 32, 0.5), time('q8', 64, 1), time('unknown', 32, 3)],
}

describe('the address', () => {
  it('gives back what was put into it', () => {
    const view = readView('?lang=ru&theme=dark&text=%D0%B0%20b&a=q8@wasm4&b=sp80@webgpu', DEVICE)
    expect(view.first).toEqual({ variant: 'q8', device: { kind: 'wasm', threads: 4 } })
    expect(view.second?.device.kind).toBe('webgpu')
    expect(readView(viewText(view), DEVICE)).toEqual(view)
  })

  it('keeps that nothing is beside, and leaves long texts out', () => {
    const view = readView('?b=none', DEVICE)
    expect(view.second).toBeNull()
    expect(readView(viewText(view), DEVICE)).toEqual(view)
    expect(viewText({ ...view, text: 'x'.repeat(5000) })).not.toContain('xxx')
    expect(readView('?a=q8@toaster&theme=pink', DEVICE)).toMatchObject({ theme: 'auto', first: { device: DEVICE } })
  })
})

describe('results.json', () => {
  const broken = (change: (results: Record<string, unknown>) => void): string => {
    const copy = JSON.parse(JSON.stringify(RESULTS)) as Record<string, unknown>
    change(copy)
    return JSON.stringify(copy)
  }

  it('comes back as it was written', () => {
    expect(parseResults(JSON.stringify(RESULTS), 'results.json')).toEqual(RESULTS)
  })

  it.each([
    ['not JSON', '{', /not JSON/],
    ['a list', '[]', /the file is \[\]/],
    ['another schema', broken((r) => (r.schema = 'compact-kernels/bench/1')), /schema is "compact-kernels\/bench\/1"/],
    ['no machine', broken((r) => delete r.machine), /machine is nothing/],
    ['a row of another part', broken((r) => (r.rows = [{ part: 'peers' }])), /rows\[0\]\.part is "peers"/],
    ['a negative time', broken((r) => ((r.rows as ModelTime[])[1].medianMs = -1)), /rows\[1\]\.medianMs is -1/],
    ['a score that is a text', broken((r) => (r.scores = { q8: { bytes: 'many' } })), /scores\.q8\.bytes is "many"/],
  ])('is refused where it is %s', (_, content, says) => {
    expect(() => parseResults(content, 'results.json')).toThrow(says)
  })
})

describe('plots', () => {
  const named = { ...RESULTS, name: 'this browser' }

  it('take times of one device and length that have a score', () => {
    const points = timePoints([named], 'wasm1', 32, (variant) => variant)
    expect(points.map(({ name, ms, f1 }) => [name, ms, f1])).toEqual([['q8', 0.5, 0.9]])
    expect(timePoints([named], 'webgpu', 32, String)).toEqual([])
    expect(rowsOf([named], 'kernels')).toEqual([])
  })

  it('make one point of variants with the same size and score', () => {
    const score = { bytes: 5, accuracy: 1, f1: 0.5, f1Low: 0, f1High: 1 }
    const points = sizePoints({ a: score, b: { ...score }, c: { ...score, bytes: 6 } }, (variant) => variant)
    expect(points.map(({ name }) => name)).toEqual(['a = b', 'c'])
  })

  it('place labels inside the frame, on no other label and no point', () => {
    const random = seededRandom(5)
    const frame = { left: 50, right: 600, top: 0, bottom: 300 }
    const labels = Array.from({ length: 30 }, (_, i) => ({
      name: `variant ${i}`,
      x: 60 + random() * 500,
      y: 10 + random() * 280,
    }))
    const placed = placeLabels(labels, frame)
    expect(placed.length).toBeGreaterThan(15)
    const boxes = placed.map(({ x, y, dx, dy, anchor, name }) => {
      const long = name.length * 6
      const left = x + dx - (anchor === 'end' ? long : anchor === 'middle' ? long / 2 : 0)
      return { left, right: left + long, top: y + dy - 6, bottom: y + dy + 6 }
    })
    for (const [i, a] of boxes.entries()) {
      expect(a.left).toBeGreaterThanOrEqual(frame.left)
      for (const b of boxes.slice(i + 1))
        expect(a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom).toBe(false)
      for (const { x, y } of labels) expect(x > a.left && x < a.right && y > a.top && y < a.bottom).toBe(false)
    }
  })

  it('put every point inside the cube, one alone in its middle', () => {
    const point = { name: 'q8', machine: '', bytes: 1e6, f1: 0.9, f1Low: 0.8, f1High: 1, ms: 2 }
    const axes = { x: 'MB', y: 'F1', z: 'ms' }
    const [alone] = makeScene([point], axes).points
    for (const value of alone.at) expect(value).toBeCloseTo(0)
    const { points } = makeScene([point, { ...point, bytes: 9e6, ms: 0.1, f1: 0.2 }], axes)
    for (const { at } of points) for (const value of at) expect(Math.abs(value)).toBeLessThan(1)
    // what is faster is nearer the reader, what is better is higher
    expect(points[1].at[2]).toBeGreaterThan(points[0].at[2])
    expect(points[0].at[1]).toBeGreaterThan(points[1].at[1])
  })
})

describe('texts from files', () => {
  const read = (name: string, content: string | Uint8Array<ArrayBuffer>): ReturnType<typeof readTexts> =>
    readTexts(new File([content], name), en)

  it('are lines, a named column, or the column with the longest texts', async () => {
    expect((await read('a.txt', 'one\r\n\n two \n')).texts).toEqual(['one', 'two'])
    expect((await read('a.csv', 'id,Review,long\n1,"good, fine",xxxxxxxxxxxxxxxxxxxxx\n')).texts).toEqual([
      'good, fine',
    ])
    expect(await read('a.tsv', 'id\twords\n1\ta long one\n')).toMatchObject({ texts: ['a long one'] })
    expect((await read('a.jsonl', '{"text":"one","label":1}\n{"text":"two"}\n')).texts).toEqual(['one', 'two'])
    expect((await read('a.json', '["one","two"]')).texts).toEqual(['one', 'two'])
  })

  it.each([
    ['a.xlsx', 'PK', /ending 'xlsx' is not known/],
    ['a.txt', Uint8Array.of(0xff, 0xfe, 0x41), /not UTF-8/],
    ['a.txt', '\0\0', /bytes that no text has/],
    ['a.txt', ' \n', /no text in it/],
    ['a.jsonl', '{"n":1}\n', /none of its columns holds texts/],
  ] as [string, string | Uint8Array<ArrayBuffer>, RegExp][])(
    '%s is refused with its reason',
    async (name, content, says) => {
      await expect(read(name, content)).rejects.toThrow(says)
    },
  )
})

it('both languages say the same things', () => {
  const keys = (words: object): string[] =>
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === 'object' ? keys(value as object).map((inner) => `${key}.${inner}`) : [key],
    )
  expect(keys(ru).sort()).toEqual(keys(en).sort())
  expect(ru.wasm(1)).toBe('WebAssembly, 1 поток')
  expect([2, 5, 21].map(ru.textCount)).toEqual(['2 текста', '5 текстов', '21 текст'])
})
