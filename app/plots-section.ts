// The plots and the same numbers as tables. The plotting library is loaded when the section is first looked at.

import { breakEven, DENSE as DENSE_FORMATS } from '../bench/lib/break-even.ts'
import { deviceName, labelled, variantName, type App, type Section } from './app.ts'
import { placeKey, rowsOf, sizePoints, timePoints, type Row } from './chart-data.ts'
import { deviceOfKey } from './device-key.ts'
import { element, fillSelect, table } from './dom.ts'
import { decimal, digits, size } from './language.ts'
import type { PageResults } from './results.ts'

export interface PlotsSection extends Section {
  /** the device and the length that plots are of */
  readonly choice: { place: string; tokens: number }
}

/** A length that short texts have, where it was measured. */
const USUAL_TOKENS = 32

/** @param changed is called when another device or length is chosen */
export function mountPlots(
  root: HTMLElement,
  app: App,
  results: () => PageResults[],
  changed: () => void,
): PlotsSection {
  const choice = { place: '', tokens: USUAL_TOKENS }
  const place = element('select', { id: 'plot-device' })
  const tokens = element('select', { id: 'plot-tokens' })
  for (const select of [place, tokens])
    select.addEventListener('change', () => {
      choice.place = place.value
      choice.tokens = Number(tokens.value)
      draw()
      changed()
    })
  const open = new Set<string>()
  let turn = 0

  function draw(): void {
    void drawNow(++turn)
  }

  async function drawNow(own: number): Promise<void> {
    const { frontPlot, tokensPlot, kernelsPlot, breakEvenPlot } = await import('./plots.ts')
    // drawn anew meanwhile
    if (own !== turn) return
    const { words } = app
    const found = results()
    chooseFrom(found)
    const width = Math.max(300, Math.min(860, root.clientWidth - 40))
    const nameOf = (variant: string): string => variantName(variant, app)
    const scores = app.model.facts?.variants ?? found.find(({ scores: known }) => known)?.scores ?? null
    const figures: (HTMLElement | null)[] = []

    if (scores) {
      const points = sizePoints(scores, nameOf)
      const rows = Object.entries(scores).map(([variant, { bytes, f1, f1Low, f1High }]) => [
        nameOf(variant),
        size(bytes, words),
        decimal(f1, words),
        `${decimal(f1Low, words)} – ${decimal(f1High, words)}`,
      ])
      figures.push(
        figure('size', words.plotSize, [
          frontPlot(points, ({ bytes }) => bytes / 1e6, width, words.plotSize, {
            x: words.axes.size,
            y: words.axes.f1,
          }),
          note(`${words.front} ${app.model.facts ? words.f1Source(app.model.facts.test, app.model.facts.texts) : ''}`),
          table([words.axes.variant, words.file, words.axes.f1, '95 %'], rows, { caption: words.plotSize }),
        ]),
      )
    } else figures.push(note(words.noF1))

    const times = timePoints(found, choice.place, choice.tokens, nameOf)
    const models = rowsOf(found, 'models').filter((row) => placeKey(row) === choice.place)
    if (times.length > 0)
      figures.push(
        figure('latency', words.plotLatency, [
          frontPlot(times, ({ ms }) => ms, width, words.plotLatency, { x: words.axes.ms, y: words.axes.f1 }),
          note(words.front),
        ]),
      )
    if (models.length > 0)
      figures.push(
        figure('tokens', words.plotTokens, [
          tokensPlot(models, nameOf, width, words.plotTokens, words),
          timesTable(models),
        ]),
      )
    const kernels = rowsOf(found, 'kernels').filter((row) => placeKey(row) === choice.place)
    if (kernels.length > 0)
      figures.push(
        figure('kernels', words.plotKernels, [
          kernelsPlot(kernels, width, words.plotKernels, words),
          kernelsTable(kernels),
        ]),
      )
    const zeros = rowsOf(found, 'break-even').filter((row) => placeKey(row) === choice.place)
    if (zeros.some(({ density }) => density < 1))
      figures.push(
        figure('break-even', `${words.plotBreakEven}: ${zeros[0].shape}`, [
          breakEvenPlot(zeros, width, words.plotBreakEven, words),
          note(words.breakEvenNote),
          crossings(zeros),
        ]),
      )
    root.replaceChildren(
      element('h2', {}, words.sections.plots),
      found.length === 0
        ? note(words.noResults)
        : element('div', { class: 'row' }, labelled(words.showDevice, place), labelled(words.showTokens, tokens)),
      ...figures.filter((made) => made !== null),
    )
  }

  /** What was measured can be chosen; the first is where nothing else was. */
  function chooseFrom(found: readonly PageResults[]): void {
    const rows = found.flatMap((result) => result.rows)
    const places = [...new Set(rows.map(placeKey))]
    if (!places.includes(choice.place)) choice.place = places[0] ?? ''
    const lengths = [...new Set(rows.flatMap((row) => (row.part === 'models' ? [row.tokens] : [])))].sort(
      (a, b) => a - b,
    )
    if (!lengths.includes(choice.tokens))
      choice.tokens = lengths.includes(USUAL_TOKENS) ? USUAL_TOKENS : (lengths[0] ?? USUAL_TOKENS)
    const nameOf = (key: string): string => {
      const device = deviceOfKey(key)
      return device ? deviceName(device, app) : key
    }
    fillSelect(
      place,
      places.map((key) => ({ value: key, name: nameOf(key) })),
      choice.place,
    )
    fillSelect(
      tokens,
      lengths.map((length) => ({ value: String(length), name: String(length) })),
      String(choice.tokens),
    )
  }

  const note = (text: string): HTMLElement => element('p', { class: 'quiet' }, text)

  /** A plot with its notes; the table is folded, and stays open where the reader opened it. */
  function figure(key: string, title: string, parts: (Element | null)[]): HTMLElement {
    const [plot, ...rest] = parts.filter((part) => part !== null)
    const folded = rest.map((part) => {
      if (!part.querySelector('table')) return part
      const details = element('details', { open: open.has(key) }, element('summary', {}, app.words.table), part)
      details.addEventListener('toggle', () => (details.open ? open.add(key) : open.delete(key)))
      return details
    })
    return element('figure', { class: 'plot', id: `plot-${key}` }, element('figcaption', {}, title), plot, ...folded)
  }

  function timesTable(rows: readonly Row<'models'>[]): HTMLElement {
    const { words } = app
    const machines = [...new Set(rows.map(({ machine }) => machine))]
    const at = (variant: string, length: number, machine: string): Row<'models'> | undefined =>
      rows.find((row) => row.variant === variant && row.tokens === length && row.machine === machine)
    const keys = new Map(rows.map(({ variant, tokens: length }) => [`${variant} ${length}`, { variant, length }]))
    const [own, ...others] = machines
    const body = [...keys.values()].map(({ variant, length }) => {
      const here = at(variant, length, own)
      return [
        variantName(variant, app),
        String(length),
        ...machines.map((machine) => {
          const row = at(variant, length, machine)
          return row ? `${digits(row.medianMs, words)} ± ${digits(row.madMs, words, 2)}` : ''
        }),
        ...others.map((machine) => {
          const row = at(variant, length, machine)
          return row && here ? digits(row.medianMs / here.medianMs, words) : ''
        }),
      ]
    })
    const header = [
      words.axes.variant,
      words.axes.tokens,
      ...machines.map((machine) => `${words.axes.ms}, ${machine}`),
      ...others.map(() => words.axes.ratio),
    ]
    return table(header, body, { caption: words.plotTokens })
  }

  function kernelsTable(rows: readonly Row<'kernels'>[]): HTMLElement {
    const { words } = app
    const body = rows.map((row) => [
      `${row.op}, ${row.variant}`,
      row.shape,
      `${digits(row.medianMs, words)} ± ${digits(row.madMs, words, 2)}`,
      digits(row.gops, words),
      row.maxError.toExponential(1),
      row.machine,
    ])
    const header = [words.kind, words.shape, words.axes.ms, words.axes.gops, 'max |error|', words.axes.machine]
    return table(header, body, { caption: words.plotKernels })
  }

  /** Below which density each format is faster than the dense layers, on this browser or the first file. */
  function crossings(rows: readonly Row<'break-even'>[]): HTMLElement {
    const { words } = app
    const own = rows.filter(({ machine }) => machine === rows[0].machine)
    const formats = [...new Set(own.filter(({ density }) => density < 1).map(({ format }) => format))]
    const said = formats.flatMap((format) => {
      const points = own.filter((row) => row.format === format && row.density < 1)
      return DENSE_FORMATS.flatMap((dense) => {
        const whole = own.find((row) => row.format === dense && row.density === 1)
        if (!whole) return []
        const found = breakEven(
          points.map(({ density, medianMs }) => ({ density, ms: medianMs })),
          whole.medianMs,
        )
        if (found.kind === 'at') return [words.crossing(format, decimal(found.density, words, 2), dense)]
        return [found.kind === 'always' ? words.always(format, dense) : words.never(format, dense)]
      })
    })
    return element('ul', { class: 'quiet' }, ...said.map((line) => element('li', {}, line)))
  }

  return { draw, choice }
}
