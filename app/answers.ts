// Answers as the reader sees them: one text as cards side by side, many as a table.

import { deviceName, variantName, modelName, type App } from './app.ts'
import { decimal, digits, milliseconds, size, spread } from './language.ts'
import { element, meter, save, table } from './dom.ts'
import type { Classified, TextAnswer } from './messages.ts'
import type { Side } from './view.ts'

export interface SideAnswers {
  side: Side
  result: Classified
}

/** Rows of the table; the download has them all. */
const SHOWN = 200
/** Bars of a card. */
const MOST_LABELS = 12

export const drawAnswers = (app: App, texts: readonly string[], sides: readonly SideAnswers[]): HTMLElement =>
  texts.length === 1 ? cards(app, texts[0], sides) : list(app, texts, sides)

function cards(app: App, text: string, sides: readonly SideAnswers[]): HTMLElement {
  const made = sides.map(({ side, result }) => {
    const [answer] = result.answers
    const [best] = answer.labels
    return element(
      'article',
      { class: 'card', attributes: { 'aria-label': sideName(app, side) } },
      element('h3', {}, sideName(app, side)),
      element('blockquote', {}, app.words.answerOf(text)),
      element(
        'p',
        { class: 'best' },
        element('strong', {}, best.label),
        ' ',
        element('span', {}, decimal(best.score, app.words)),
      ),
      element('div', { class: 'bars' }, ...answer.labels.slice(0, MOST_LABELS).map((label) => bar(label, app))),
      ...warnings(answer, app),
      facts(app, side, result, 1),
    )
  })
  return element('div', { class: 'cards' }, ...made)
}

function bar({ label, score }: TextAnswer['labels'][number], { words }: App): HTMLElement {
  const value = decimal(score, words)
  return element(
    'div',
    { class: 'bar' },
    element('span', {}, label),
    meter(score, `${label}: ${value}`),
    element('output', {}, value),
  )
}

/** What the model did not see of the text. */
function warnings({ tokens, read, unknown }: TextAnswer, { words }: App): HTMLElement[] {
  const said = []
  if (tokens > read) said.push(words.cut(read, tokens))
  if (unknown.length > 0) said.push(words.unknown(unknown.join(', ')))
  return said.map((warning) => element('p', { class: 'warning' }, warning))
}

export const sideName = (app: App, { variant, device }: Side): string =>
  `${variantName(variant, app)} · ${deviceName(device, app)}`

function facts(app: App, side: Side, result: Classified, texts: number): HTMLElement {
  const { words, model } = app
  const { time, coldMs, openMs, fileBytes, deviceBytes, info, recipe, notes } = result
  const ms = (value: number): string => milliseconds(value, words)
  const [median, mad] = spread(time.medianMs, time.madMs, words)
  const recipeText = recipe === '' || recipe === side.variant ? '' : ` (${recipe})`
  const rows: [string, string][] = [
    [words.time, time.n > 1 ? words.spread(median, mad, time.n) : words.once(ms(time.medianMs))],
    ...(texts > 1 ? [['', words.rate(digits((1000 * texts) / time.medianMs, words))] as [string, string]] : []),
    [words.model, modelName(model, words)],
    [words.variant, `${variantName(side.variant, app)}${recipeText}`],
    [words.device, `${info.name}${info.software ? ` (${words.emulated})` : ''}`],
    ...(texts === 1 ? [[words.tokens, digits(result.answers[0].read, words, 6)] as [string, string]] : []),
    [words.firstRun, ms(coldMs)],
    [words.opened, openMs > 0 ? ms(openMs) : words.already],
    [words.file, size(fileBytes, words)],
    [words.onDevice, size(deviceBytes, words)],
    ...(notes.length > 0 ? [[words.notes, notes.join('; ')] as [string, string]] : []),
  ]
  return element(
    'dl',
    {},
    ...rows.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))),
  )
}

function list(app: App, texts: readonly string[], sides: readonly SideAnswers[]): HTMLElement {
  const { words } = app
  const shown = texts.slice(0, SHOWN)
  const rows = shown.map((text, i) => [
    text,
    ...sides.flatMap(({ result: { answers } }) => {
      const { labels, tokens, read, unknown } = answers[i]
      const said = [tokens > read ? words.cutShort : '', unknown.length > 0 ? words.unknownShort : ''].filter(Boolean)
      const name = element(
        'span',
        { title: unknown.join(', ') },
        labels[0].label,
        said.length > 0 && element('small', { class: 'warning' }, ` ${said.join(', ')}`),
      )
      return [name, decimal(labels[0].score, words)]
    }),
  ])
  const names = sides.map(({ side }) => sideName(app, side))
  const caption = [words.textCount(texts.length), modelName(app.model, words), ...names].join(' · ')
  const [first, second] = sides.map(({ result }) => result.answers.map(({ labels }) => labels[0].label))
  const isOther = second?.filter((label, i) => label !== first[i]).length
  return element(
    'div',
    { class: 'list' },
    second && element('p', { class: 'quiet' }, words.differ(isOther, texts.length)),
    texts.length > SHOWN && element('p', { class: 'quiet' }, words.first(SHOWN, texts.length)),
    table([words.text, ...names.flatMap((name) => [name, ''])], rows, { caption, numbersFrom: sides.length * 2 + 1 }),
    element(
      'div',
      { class: 'cards' },
      ...sides.map(({ side, result }) =>
        element(
          'article',
          { class: 'card' },
          element('h3', {}, sideName(app, side)),
          facts(app, side, result, texts.length),
        ),
      ),
    ),
    element(
      'button',
      { type: 'button', class: 'plain', on: { click: () => download(app, texts, sides) } },
      words.download,
    ),
  )
}

/** One object a text; each side under the name of its variant and device. */
function download(app: App, texts: readonly string[], sides: readonly SideAnswers[]): void {
  const lines = texts.map((text, i) => {
    const answers = sides.map(({ side, result }) => {
      const { labels, tokens, read, unknown } = result.answers[i]
      const { variant } = side
      return { variant, device: result.info.name, ...labels[0], tokens, read, unknown }
    })
    return JSON.stringify({ text, model: app.model.choice.name, answers })
  })
  save('answers.jsonl', `${lines.join('\n')}\n`, 'application/jsonl')
}
