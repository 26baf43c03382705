// The page: asks for the first answer at once, then draws its parts.

import { keepAddress, type App, type Section } from './app.ts'
import { mountBench } from './bench-section.ts'
import { mountBrowser } from './browser-section.ts'
import { askBrowser, WASM_DEVICES } from './browser.ts'
import { FIRST_MODEL, MODELS, type PageModel } from './catalogue.ts'
import { Client } from './client.ts'
import { element, fillSelect, find } from './dom.ts'
import { LANGUAGES, wordsFor } from './language.ts'
import { mountModel } from './model-section.ts'
import { keepPage } from './offline.ts'
import { mountPlots } from './plots-section.ts'
import { RESULTS_SCHEMA } from './results.ts'
import { mountSpace } from './space-section.ts'
import { mountTry } from './try-section.ts'
import { readView, THEMES, type Theme } from './view.ts'

const view = readView(location.search, WASM_DEVICES[0])
const app: App = {
  words: wordsFor(view.language),
  view,
  model: MODELS.get(view.model ?? '') ?? MODELS.get(FIRST_MODEL)!,
  client: new Client(),
  abilities: null,
  keep: () => {
    keepAddress(view)
    model.draw()
  },
  choose,
}

const attempt = mountTry(find('try'), app)
const bench = mountBench(find('bench-section'), app, drawResults)
const plots = mountPlots(find('plots'), app, bench.results, () => space.draw())
const space = mountSpace(find('space'), app, bench.results, plots.choice)
const model = mountModel(find('model-section'), app)
const browser = mountBrowser(find('browser'), app)
const sections: Section[] = [attempt, bench, { draw: () => void plots.draw() }, space, model, browser]

async function drawResults(): Promise<void> {
  await plots.draw()
  space.draw()
}

function choose(next: PageModel): void {
  const examples = app.model.facts?.examples ?? []
  app.model = next
  view.model = next.facts ? next.choice.name : null
  if (view.text === null || examples.includes(view.text)) view.text = next.facts?.examples[0] ?? view.text
  for (const section of sections) section.draw()
  void attempt.ask()
}

const language = find<HTMLSelectElement>('language')
const theme = find<HTMLSelectElement>('theme')
const share = find<HTMLButtonElement>('share')

language.addEventListener('change', () => {
  view.language = language.value
  app.words = wordsFor(view.language)
  drawAll()
})
theme.addEventListener('change', () => {
  view.theme = theme.value as Theme
  drawAll()
})
share.addEventListener('click', () => {
  keepAddress(view)
  navigator.clipboard.writeText(location.href).then(
    () => (find('shared').textContent = app.words.shared),
    () => (find('shared').textContent = app.words.notShared),
  )
})
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => space.draw())

function drawHead(): void {
  const { words } = app
  document.documentElement.lang = words.code
  document.documentElement.dataset.theme = view.theme
  document.title = `${words.title}: ${words.sections.try}`
  find('tagline').textContent = words.tagline
  find('skip').textContent = words.skip
  share.textContent = words.share
  find('shared').textContent = ''
  find('language-label').textContent = words.language
  find('theme-label').textContent = words.theme
  fillSelect(
    language,
    LANGUAGES.map(({ code, name }) => ({ value: code, name })),
    words.code,
  )
  fillSelect(
    theme,
    THEMES.map((value) => ({ value, name: words.themes[value] })),
    view.theme,
  )
  const names = {
    try: words.sections.try,
    'bench-section': words.sections.bench,
    plots: words.sections.plots,
    space: words.sections.space,
    'model-section': words.sections.model,
    browser: words.sections.browser,
  }
  find('contents').setAttribute('aria-label', words.contents)
  find('contents').replaceChildren(
    ...Object.entries(names).map(([id, name]) => {
      find(id).setAttribute('aria-label', name)
      return element('a', { href: `#${id}` }, name)
    }),
  )
}

function drawAll(): void {
  keepAddress(view)
  drawHead()
  for (const section of sections) section.draw()
}

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return
  attempt.stop()
  bench.stop()
})

// files may be dropped anywhere: what they are says where they go
document.addEventListener('dragover', (event) => {
  event.preventDefault()
  document.body.classList.add('dropping')
})
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) document.body.classList.remove('dropping')
})
document.addEventListener('drop', (event) => {
  event.preventDefault()
  document.body.classList.remove('dropping')
  const files = [...(event.dataTransfer?.files ?? [])]
  if (files.length > 0) void take(files)
})

async function take(files: File[]): Promise<void> {
  if (files.some(({ name }) => /^(config\.json|.*\.safetensors)$/.test(name)))
    return choose({ choice: { name: files[0].webkitRelativePath.split('/')[0] || 'dropped', files }, facts: null })
  if (files.length > 1) return attempt.fail(app.words.oneFile(files.length))
  const [file] = files
  if (file.name.endsWith('.json') && (await isResults(file))) return bench.openFile(file)
  await attempt.openFile(file)
}

/** Whether it says so itself, near its beginning, or at least by its name. */
async function isResults(file: File): Promise<boolean> {
  return /^results/i.test(file.name) || (await file.slice(0, 200).text()).includes(RESULTS_SCHEMA)
}

drawHead()
attempt.draw()
// the first answer before all else
const answered = attempt.ask()
void answered.then(async () => {
  for (const section of sections.slice(1)) section.draw()
  app.abilities = await askBrowser()
  for (const section of sections) section.draw()
  void keepPage(() => browser.draw())
})
