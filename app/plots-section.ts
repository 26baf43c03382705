// The plots and the same numbers as tables. The plotting library is loaded when the section is first looked at.

import { breakEven, DENSE as DENSE_FORMATS } from '../bench/lib/break-even.ts'
import { deviceName, labelled, variantName, type App } from './app.ts'
import { placeKey, rowsOf, sizePoints, timePoints, type NamedResults, type Row } from './chart-data.ts'
import { deviceOfKey } from './device-key.ts'
import { element, fillSelect, table } from './dom.ts'
import { decimal, digits, size, spread } from './language.ts'

export interface PlotsSection {
  /** Ends when everything is drawn. */
  draw(): Promise<void>
  /** the device and the length that plots are of */
  readonly choice: { place: string; tokens: number }
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]

/** A length that short texts have, where it was measured. */
const USUAL_TOKENS = 32

/** @param changed is called when another device or length is chosen */
export function mountPlots(
  root: HTMLElement,
  app: App,
  results: () => NamedResults[],
  changed: () => void,
): PlotsSection {
  const choice = { place: '', tokens: USUAL_TOKENS }
  /** what the reader chose is kept while it can be */
  const wanted = { place: '', tokens: USUAL_TOKENS }
  const place = element('select', { id: 'show-device' })
  const tokens = element('select', { id: 'show-tokens' })
  for (const select of [place, tokens])
    select.addEventListener('change', () => {
      wanted.place = place.value
      wanted.tokens = Number(tokens.value)
      void draw()
      changed()
    })
  const open = new Set<string>()
  let turn = 0

  const draw = (): Promise<void> => drawNow(++turn)

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
    const figures: HTMLElement[] = []
    /** A figure at a time: between two of them the page can do other things. */
    const add = async (make: () => HTMLElement): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve))
      if (own === turn) figures.push(make())
    }

    if (scores) {
      const points = sizePoints(scores, nameOf)
      const rows = Object.entries(scores).map(([variant, { bytes, f1, f1Low, f1High }]) => [
        nameOf(variant),
        size(bytes, words),
        decimal(f1, words),
        `${decimal(f1Low, words)} – ${decimal(f1High, words)}`,
      ])
      await add(() =>
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
      await add(() =>
        figure('latency', words.plotLatency, [
          frontPlot(times, ({ ms }) => ms, width, words.plotLatency, { x: words.axes.ms, y: words.axes.f1 }),
          note(words.front),
        ]),
      )
    if (models.length > 0)
      await add(() =>
        figure('tokens', words.plotTokens, [
          tokensPlot(models, nameOf, width, words.plotTokens, words),
          timesTables(models),
        ]),
      )
    const kernels = rowsOf(found, 'kernels').filter((row) => placeKey(row) === choice.place)
    if (kernels.length > 0)
      await add(() =>
        figure('kernels', words.plotKernels, [
          kernelsPlot(kernels, width, words.plotKernels, words),
          kernelsTable(kernels),
        ]),
      )
    const zeros = rowsOf(found, 'break-even').filter((row) => placeKey(row) === choice.place)
    if (zeros.some(({ density }) => density < 1))
      await add(() =>
        figure('break-even', `${words.plotBreakEven}: ${zeros[0].shape}`, [
          breakEvenPlot(zeros, width, words.plotBreakEven, words),
          note(words.breakEvenNote),
          crossings(zeros),
        ]),
      )
    if (own !== turn) return
    root.replaceChildren(
      element('h2', {}, words.sections.plots),
      found.length === 0
        ? note(words.noResults)
        : element('div', { class: 'row' }, labelled(words.showDevice, place), labelled(words.showTokens, tokens)),
      ...figures,
    )
  }

  /** What was measured can be chosen; the first is where nothing else was. */
  function chooseFrom(found: readonly NamedResults[]): void {
    const rows = found.flatMap((result) => result.rows)
    const places = unique(rows.map(placeKey))
    choice.place = places.includes(wanted.place) ? wanted.place : (places[0] ?? '')
    const lengths = unique(rows.flatMap((row) => (row.part === 'models' ? [row.tokens] : []))).sort((a, b) => a - b)
    choice.tokens = lengths.includes(wanted.tokens) ? wanted.tokens : (lengths[0] ?? USUAL_TOKENS)
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

  const spreadText = ({ medianMs, madMs, noisy }: Pick<Row<'models'>, 'medianMs' | 'madMs' | 'noisy'>): string =>
    `${noisy ? '~ ' : ''}${spread(medianMs, madMs, app.words).join(' ± ')}`

  /** What signs in the tables mean, where they stand there. */
  function legend(rows: readonly { noisy: boolean }[], others: number): HTMLElement[] {
    const said = [
      ...(others > 0 ? [app.words.ratioNote] : []),
      ...(rows.some(({ noisy }) => noisy) ? [app.words.noisyNote] : []),
    ]
    return said.length > 0 ? [note(said.join(' '))] : []
  }

  /** Variants down, lengths across; of another machine also how many times as fast this one is. */
  function timesTables(rows: readonly Row<'models'>[]): HTMLElement {
    const { words } = app
    const [own, ...others] = unique(rows.map(({ machine }) => machine))
    const lengths = unique(rows.map(({ tokens: length }) => length)).sort((x, y) => x - y)
    const at = (variant: string, length: number, machine: string): Row<'models'> | undefined =>
      rows.find((row) => row.variant === variant && row.tokens === length && row.machine === machine)
    const tableOf = (machine: string): HTMLElement => {
      const body = unique(rows.map(({ variant }) => variant)).map((variant) => [
        variantName(variant, app),
        ...lengths.map((length) => {
          const row = at(variant, length, machine)
          const here = at(variant, length, own)
          if (!row) return ''
          const times = machine !== own && here ? ` (${digits(row.medianMs / here.medianMs, words, 2)}x)` : ''
          return `${spreadText(row)}${times}`
        }),
      ])
      const header = [words.axes.variant, ...lengths.map((length) => `${length} ${words.axes.tokens}`)]
      return table(header, body, { caption: `${words.axes.ms}, ${machine}` })
    }
    return element('div', {}, ...[own, ...others].map(tableOf), ...legend(rows, others.length))
  }

  function kernelsTable(rows: readonly Row<'kernels'>[]): HTMLElement {
    const { words } = app
    const [own, ...others] = unique(rows.map(({ machine }) => machine))
    const body = rows
      .filter(({ machine }) => machine === own)
      .map((row) => [
        `${row.op}, ${row.variant}`,
        row.shape,
        spreadText(row),
        digits(row.gops, words),
        row.maxError.toExponential(1),
        ...others.map((machine) => {
          const other = rows.find(
            ({ shape, op, variant, machine: its }) =>
              its === machine && shape === row.shape && op === row.op && variant === row.variant,
          )
          return other ? `${spreadText(other)} (${digits(other.medianMs / row.medianMs, words, 2)}x)` : ''
        }),
      ])
    const header = [words.kind, words.shape, words.axes.ms, words.axes.gops, words.axes.error, ...others]
    return element(
      'div',
      {},
      table(header, body, { caption: `${words.plotKernels}, ${own}`, numbersFrom: 2 }),
      ...legend(rows, others.length),
    )
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
