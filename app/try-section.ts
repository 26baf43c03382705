// Texts in, answers out: typed, pasted or from a file; one variant, or two side by side.

import { deviceOptions, errorBox, fileButton, labelled, modelName, variantName, type App, type Section } from './app.ts'
import { drawAnswers, sideName, type SideAnswers } from './answers.ts'
import { MODELS, type PageModel } from './catalogue.ts'
import { StoppedError } from './client.ts'
import { deviceKey, deviceOfKey } from './device-key.ts'
import { element, fillSelect } from './dom.ts'
import { decimal, share } from './language.ts'
import type { Reply } from './messages.ts'
import { readTexts } from './text-files.ts'
import { VARIANTS } from './variants.ts'
import type { Side } from './view.ts'

const MOST_TEXTS = 20_000
/** Answered in less time than a new worker takes to start. */
const FEW_TEXTS = 50

/** What the answer's place shows. */
type Shown =
  | { kind: 'nothing' }
  | { kind: 'answers'; texts: readonly string[]; sides: readonly SideAnswers[] }
  | { kind: 'error'; message: string }

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

export interface TrySection extends Section {
  /** Answers what stands in the form. */
  ask(): Promise<void>
  openFile(file: File): Promise<void>
  stop(): void
  fail(message: string): void
}

export function mountTry(root: HTMLElement, app: App): TrySection {
  let shown: Shown = { kind: 'nothing' }
  /** texts of a file; what is typed counts where there are none */
  let fromFile: { name: string; texts: string[]; from: string } | null = null
  let drawnModel: PageModel | null = null
  let asked = 0
  let underWay = 0

  const answers = element('div', { id: 'answers', class: 'answers', tabIndex: -1 })
  const status = element('p', { id: 'status', class: 'quiet', attributes: { role: 'status' } })
  /** what a screen reader says of the answers; the cards are there to be read */
  const spoken = element('p', { class: 'spoken', attributes: { role: 'status' } })
  const text = element('textarea', { id: 'text', rows: 3, spellcheck: false })
  const asOne = element('input', { type: 'checkbox', id: 'as-one' })
  const submit = element('button', { id: 'classify' })
  const stop = element('button', {
    id: 'stop',
    type: 'button',
    class: 'plain',
    hidden: true,
    on: { click: () => end() },
  })

  const model = element('select', { id: 'model' })
  const first = { variant: element('select', { id: 'variant' }), device: element('select', { id: 'device' }) }
  const second = { variant: element('select', { id: 'variant2' }), device: element('select', { id: 'device2' }) }
  const texts = element('input', { type: 'file', id: 'texts', accept: '.txt,.csv,.tsv,.json,.jsonl,.ndjson' })
  const folder = element('input', { type: 'file', id: 'folder', webkitdirectory: true, multiple: true })

  text.addEventListener('input', () => {
    fromFile = null
    app.view.text = text.value
  })
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    void ask()
  })
  for (const select of [first.variant, first.device, second.variant, second.device])
    select.addEventListener('change', () => {
      app.view.first = { variant: first.variant.value, device: deviceOfKey(first.device.value)! }
      const beside = second.variant.value
      app.view.second = beside === '' ? null : { variant: beside, device: deviceOfKey(second.device.value)! }
      second.device.disabled = beside === ''
      void ask()
    })
  model.addEventListener('change', () => {
    const found = MODELS.get(model.value)
    if (found) app.choose(found)
  })
  texts.addEventListener('change', () => {
    const [file] = texts.files ?? []
    texts.value = ''
    if (file) void openFile(file)
  })
  folder.addEventListener('change', () => {
    const files = [...(folder.files ?? [])]
    folder.value = ''
    if (files.length === 0) return
    const name = files[0].webkitRelativePath.split('/')[0]
    app.choose({ choice: { name, files }, facts: null })
  })

  function busy(isBusy: boolean): void {
    stop.hidden = !isBusy
    answers.setAttribute('aria-busy', String(isBusy))
    if (!isBusy) status.textContent = ''
  }

  function show(next: Shown): void {
    shown = next
    drawShown()
  }

  function drawShown(): void {
    if (shown.kind === 'answers') answers.replaceChildren(drawAnswers(app, shown.texts, shown.sides))
    else if (shown.kind === 'error') answers.replaceChildren(errorBox(app.words.failed, shown.message))
    else answers.replaceChildren()
  }

  const fail = (message: string): void => show({ kind: 'error', message })

  function end(): void {
    if (stop.hidden) return
    app.client.stop()
  }

  /** Texts as they stand; an error in place of them where there are none. */
  function given(): string[] {
    const typed = asOne.checked ? [text.value.trim()].filter(Boolean) : linesOf(text.value)
    const lines = fromFile?.texts ?? typed
    if (lines.length === 0) throw new Error(app.words.noText)
    if (lines.length > MOST_TEXTS) throw new Error(app.words.tooMany(lines.length, MOST_TEXTS))
    return lines
  }

  async function ask(): Promise<void> {
    const turn = ++asked
    // nobody waits for what is under way; the worker is kept where it will soon be through with it
    if (!stop.hidden && underWay > FEW_TEXTS) app.client.stop()
    busy(true)
    try {
      const lines = given()
      underWay = lines.length
      const sides: SideAnswers[] = []
      for (const side of [app.view.first, ...(app.view.second ? [app.view.second] : [])]) {
        const slot = { model: app.model.choice, ...side }
        const { result } = await app.client.ask({ verb: 'classify', slot, texts: lines }, (reply) => tell(side, reply))
        sides.push({ side, result })
        // the first answer does not wait for the second
        if (turn === asked) show({ kind: 'answers', texts: lines, sides: [...sides] })
        if (turn === asked) spoken.textContent = summary(sides)
        if (turn === 1 && sides.length === 1) performance.mark('first answer')
      }
    } catch (error) {
      if (turn !== asked) return
      fail(error instanceof StoppedError ? app.words.stopped : (error as Error).message)
    } finally {
      if (turn === asked) {
        busy(false)
        app.keep()
      }
    }
  }

  /** The first answers in a sentence. */
  const summary = (sides: readonly SideAnswers[]): string =>
    sides
      .map(({ side, result: { answers: found } }) => {
        const [{ label, score }] = found[0].labels
        const count = found.length > 1 ? `${app.words.textCount(found.length)}: ` : ''
        return `${sideName(app, side)}: ${count}${label} ${decimal(score, app.words, 2)}`
      })
      .join('. ')

  function tell(side: Side, reply: Reply): void {
    if (reply.verb !== 'progress') return
    const { stage, done, total } = reply
    const part = total > 1 ? `, ${share(Math.min(1, done / total), app.words)}` : ''
    status.textContent = `${sideName(app, side)}: ${app.words.stages[stage]}${part} …`
  }

  async function openFile(file: File): Promise<void> {
    try {
      fromFile = { name: file.name, ...(await readTexts(file, app.words)) }
      text.value = fromFile.texts.slice(0, 20).join('\n')
    } catch (error) {
      return fail((error as Error).message)
    }
    drawSource()
    await ask()
  }

  const source = element('p', { class: 'quiet', id: 'source' })
  function drawSource(): void {
    const { words } = app
    source.textContent = fromFile
      ? `${words.fromFile(fromFile.name)}: ${fromFile.from || words.textCount(fromFile.texts.length)}`
      : words.openTextsHint
  }

  function drawChoices(): void {
    const { words, view } = app
    const shipped = [...MODELS].map(([name, found]) => ({ value: name, name: modelName(found, words) }))
    const own = app.model.facts ? [] : [{ value: '', name: app.model.choice.name }]
    fillSelect(model, [...own, ...shipped], app.model.facts ? app.model.choice.name : '')
    const variants = VARIANTS.map((variant) => ({ value: variant, name: variantName(variant, app) }))
    fillSelect(first.variant, variants, view.first.variant)
    fillSelect(second.variant, [{ value: '', name: words.none }, ...variants], view.second?.variant ?? '')
    fillSelect(first.device, deviceOptions(app), deviceKey(view.first.device))
    fillSelect(second.device, deviceOptions(app), deviceKey((view.second ?? view.first).device))
    second.device.disabled = view.second === null
  }

  function draw(): void {
    const { words, view, model: current } = app
    const examples = current.facts?.examples ?? []
    view.text ??= examples[0] ?? ''
    if (current !== drawnModel) asOne.checked = current.facts?.isOneText ?? false
    drawnModel = current
    if (!fromFile) text.value = view.text
    submit.textContent = words.classify
    stop.textContent = words.stop
    drawChoices()
    drawSource()
    const chips = examples.map((example) =>
      element(
        'button',
        {
          type: 'button',
          class: 'chip',
          on: {
            click: () => {
              fromFile = null
              view.text = text.value = example
              drawSource()
              void ask()
            },
          },
        },
        example,
      ),
    )
    root.replaceChildren(
      element('h2', {}, words.sections.try),
      element(
        'form',
        {
          id: 'form',
          on: {
            submit: (event) => {
              event.preventDefault()
              void ask()
            },
          },
        },
        labelled(words.texts, text),
        element('label', { class: 'tick' }, asOne, words.asOne),
        chips.length > 0 &&
          element('div', { class: 'chips', attributes: { role: 'group', 'aria-label': words.examples } }, ...chips),
        element(
          'div',
          { class: 'row choices' },
          labelled(words.model, model),
          labelled(words.variant, first.variant),
          labelled(words.device, first.device),
          labelled(words.second, second.variant),
          labelled(`${words.device} 2`, second.device),
        ),
        element(
          'div',
          { class: 'row' },
          submit,
          stop,
          fileButton(words.openTexts, texts),
          fileButton(words.openModel, folder),
        ),
      ),
      source,
      status,
      spoken,
      answers,
    )
    drawShown()
  }

  return { draw, ask, openFile, stop: end, fail }
}
