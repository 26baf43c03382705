// report.html in a browser: what its script does, and how it prints.

import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser, Page } from 'puppeteer'
import { launchBrowser } from '../../testing/browser/chromium.ts'
import { syntheticResults } from '../../testing/study-results.ts'
import { reportHtml } from './report.ts'

let browser: Browser
let page: Page
const errors: string[] = []
beforeAll(async () => {
  browser = await launchBrowser()
  page = await browser.newPage()
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.setViewport({ width: 1280, height: 900 })
  await page.setContent(reportHtml(syntheticResults({ software: false })))
}, 60_000)
afterAll(async () => {
  await browser?.close()
})

const shownRows = (): Promise<string[]> =>
  page.$$eval('#rows tr[data-id]:not(.out)', (rows) => rows.map((row) => row.getAttribute('data-id')!))

it('hides what does not keep the limits, says what is left and shows its code', async () => {
  await page.type('input[name=mb]', '3')
  await page.type('input[name=loss]', '0.7')
  // 8 / (1 + i) MB at most 3, 0.2 i points at most 0.7
  expect(await shownRows()).toEqual(['q8+e8', 'tucker'])
  expect(await page.$eval('#said', (of) => of.textContent)).toMatch(
    /^2 of 19 rows: smallest tucker, fastest on the CPU tucker, fastest on the GPU tucker, best on the validation texts q8\+e8$/,
  )
  expect(await page.$eval('#code', (of) => of.textContent)).toContain("'./models/tucker'")
  await page.type('input[name=name]', 'q8')
  expect(await shownRows()).toEqual(['q8+e8'])
  await page.click('#limits button[type=reset]')
  await page.waitForFunction(() => document.querySelectorAll('#rows tr.out').length === 0)
  expect(await page.$eval('#said', (of) => of.textContent)).toBe('')
  expect(errors).toEqual([])
})

it('shows the whole table on a screen of 1280 pixels, decisive columns first', async () => {
  const results = syntheticResults({ software: false })
  // the longest recipe of the study's rows, and times as long as those of a real one
  results.rows[3] = { ...results.rows[3], id: 'heads8-ffn2048+wanda80x4+q8:static+e8' }
  const wide = await browser.newPage()
  await wide.setViewport({ width: 1280, height: 900 })
  await wide.setContent(reportHtml(results))
  const { width, within, titles } = await wide.$eval('#rows', (table) => ({
    width: table.scrollWidth,
    within: table.parentElement!.clientWidth,
    titles: [...table.querySelectorAll('th')].slice(0, 6).map(({ textContent }) => textContent),
  }))
  await wide.close()
  expect(width).toBeLessThanOrEqual(within)
  expect(titles.map((title) => title.replaceAll('\u00a0', ' '))).toEqual([
    ...['variant', 'MB', 'CPU, ms', 'GPU, ms', 'macro F1 [95 %]', 'lost, points'],
  ])
})

it('sorts by a column both ways, floors last', async () => {
  const title = '#rows th:nth-child(2) button'
  await page.click(title)
  const up = await shownRows()
  expect(up.at(-1)).toBe('baseline')
  await page.click(title)
  expect(await shownRows()).toEqual([...up].reverse())
  expect(await page.$eval('#rows tbody tr:last-child', (of) => of.className)).toContain('floor')
})

it.each(['spread', 'crowded'])('has names in %s plots that cover neither one another nor the edge', async (kind) => {
  const results = syntheticResults({ software: false })
  if (kind === 'crowded')
    results.rows = results.rows.map((row, i) => ({ ...row, bytes: 1e6 + 1e3 * i, macroF1: 0.95 - 1e-4 * i }))
  await page.setContent(reportHtml(results))
  const covered = await page.$$eval('svg', (plots) =>
    plots.flatMap((plot) => {
      const edge = plot.getBoundingClientRect()
      const boxes = [...plot.querySelectorAll('.name')].map((of) => ({
        name: of.textContent,
        box: of.getBoundingClientRect(),
      }))
      return boxes.flatMap(({ name, box }, i) => [
        ...(box.right > edge.right + 1 ? [`${name} beyond the edge`] : []),
        ...boxes
          .slice(i + 1)
          .filter(
            ({ box: other }) =>
              // a pixel of the line height holds no ink
              box.left < other.right - 1 &&
              other.left < box.right - 1 &&
              box.top < other.bottom - 3 &&
              other.top < box.bottom - 3,
          )
          .map((other) => `${name} over ${other.name}`),
      ])
    }),
  )
  expect(covered).toEqual([])
})

it('prints whole on A4: no table is wider than the paper', async () => {
  // A4 across less its margins of 10 mm, at 96 pixels an inch
  await page.setViewport({ width: Math.floor((277 / 25.4) * 96), height: 718 })
  await page.emulateMediaType('print')
  const wide = await page.$$eval('table, pre, svg, p', (parts) =>
    parts.filter((of) => of.getBoundingClientRect().right > innerWidth + 0.5).map((of) => of.outerHTML.slice(0, 60)),
  )
  expect(wide).toEqual([])
  expect(await page.$eval('#limits', (of) => getComputedStyle(of).display)).toBe('none')
  await page.emulateMediaType()
  const pdf = Buffer.from(await page.pdf({ preferCSSPageSize: true })).toString('latin1')
  // 297 x 210 mm in points of 1/72 inch
  expect(pdf).toMatch(/\/MediaBox ?\[0 0 841\.\d+ 59[45]\.\d+\]/)
})
