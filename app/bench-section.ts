// Runs the bench in a worker of its own, shows how far it is, keeps what it found, and takes the results of others.

import { deviceName, devicesOf, errorBox, fileButton, type App, type Section } from './app.ts'
import { Client, StoppedError } from './client.ts'
import type { NamedResults } from './chart-data.ts'
import { deviceKey } from './device-key.ts'
import { element, find, save } from './dom.ts'
import { roughly } from './language.ts'
import { BENCH_PARTS, type BenchPart, type BenchRow, type BenchStep, type Reply } from './messages.ts'
import { machineName, machineOf, parseResults, RESULTS_SCHEMA, type PageResults } from './results.ts'
import { VARIANTS } from './variants.ts'

export interface BenchSection extends Section {
  stop(): void
  openFile(file: File): Promise<void>
  /** Of the opened model: this browser's first, then those of the files that were opened. */
  results(): NamedResults[]
}

/** @param changed is called when there are new results, and draws them */
export function mountBench(root: HTMLElement, app: App, changed: () => Promise<void>): BenchSection {
  const client = new Client()
  let own: PageResults | null = null
  const others: PageResults[] = []
  const leftOut: { what: string; why: string }[] = []
  let said = ''
  let error: string | null = null
  let isRunning = false
  /** null: as they are chosen at first */
  let chosenDevices: Set<string> | null = null
  const chosenParts = new Set<BenchPart>(BENCH_PARTS)
  let quick = false

  const run = element('button', { id: 'bench', type: 'button', on: { click: () => void start() } })
  const stop = element('button', {
    id: 'bench-stop',
    type: 'button',
    class: 'plain',
    on: { click: () => client.stop() },
  })
  const bar = element('progress', { id: 'bench-progress', max: 1, value: 0 })
  const status = element('p', { id: 'bench-status', class: 'quiet', attributes: { role: 'status' } })
  const loader = element('input', { type: 'file', id: 'results', accept: '.json' })
  loader.addEventListener('change', () => {
    const [file] = loader.files ?? []
    loader.value = ''
    if (file) void openFile(file)
  })

  /** An emulated GPU takes minutes for what nobody waits for: it is ticked by who wants it. */
  const devicesChosen = (): Set<string> =>
    chosenDevices ??
    new Set(
      devicesOf(app)
        .filter(({ kind }) => kind === 'wasm' || !app.abilities?.adapter?.software)
        .map(deviceKey),
    )

  async function start(): Promise<void> {
    const devices = devicesOf(app).filter((device) => devicesChosen().has(deviceKey(device)))
    const parts = BENCH_PARTS.filter((part) => chosenParts.has(part))
    error = null
    leftOut.length = 0
    if (devices.length === 0 || parts.length === 0) {
      error = app.words.nothingChosen
      return draw()
    }
    own = {
      schema: RESULTS_SCHEMA,
      date: new Date().toISOString(),
      machine: machineOf(app.abilities!),
      model: app.model.choice.name,
      scores: app.model.facts?.variants ?? null,
      finished: false,
      quick,
      rows: [],
    }
    isRunning = true
    drawAgainAt = 0
    said = ''
    draw()
    const plan = { model: app.model.choice, variants: [...VARIANTS], devices, parts, quick }
    try {
      await client.ask({ verb: 'bench', plan }, hear)
      own.finished = true
      const noisy = own.rows.filter((row) => row.noisy).length
      const done = app.words.benchDone(own.rows.length, leftOut.length)
      said = noisy > 0 ? `${done} ${app.words.noisyRows(noisy)}` : done
    } catch (caught) {
      if (caught instanceof StoppedError) said = app.words.benchStopped(own.rows.length)
      else error = (caught as Error).message
    }
    isRunning = false
    draw()
    void changed()
  }

  function hear(reply: Reply): void {
    if (reply.verb === 'row') void add(reply.row)
    else if (reply.verb === 'left-out') leftOut.push({ what: reply.what, why: reply.why })
    else if (reply.verb === 'step') tell(reply.step)
  }

  let drawAgainAt = 0
  async function add(row: BenchRow): Promise<void> {
    own!.rows.push(row)
    const start = performance.now()
    if (start < drawAgainAt) return
    drawAgainAt = Infinity
    await changed()
    // drawing takes time from what is measured: a tenth of it at most
    const end = performance.now()
    drawAgainAt = end + Math.max(2000, 9 * (end - start))
  }

  function tell({ done, total, name, leftMs }: BenchStep): void {
    const { words } = app
    bar.max = total
    bar.value = done
    const left = leftMs === null ? '' : `, ${words.left(roughly(leftMs, words))}`
    status.textContent = `${words.progress(done, total)}${left}: ${name}`
  }

  async function openFile(file: File): Promise<void> {
    try {
      others.push(parseResults(await file.text(), file.name))
      error = null
    } catch (caught) {
      error = (caught as Error).message
    }
    draw()
    void changed()
  }

  function tick(id: string, name: string, isOn: boolean, set: (on: boolean) => void): HTMLElement {
    const box = element('input', { type: 'checkbox', id, checked: isOn, disabled: isRunning })
    box.addEventListener('change', () => set(box.checked))
    return element('label', { class: 'tick' }, box, name)
  }

  function group(legend: string, ...ticks: HTMLElement[]): HTMLElement {
    return element('fieldset', {}, element('legend', {}, legend), ...ticks)
  }

  function toggle<T>(set: Set<T>, item: T, on: boolean): void {
    if (on) set.add(item)
    else set.delete(item)
  }

  function draw(): void {
    const { words } = app
    run.textContent = words.run
    run.disabled = isRunning || app.abilities === null
    stop.textContent = words.stop
    stop.hidden = !isRunning
    bar.hidden = !isRunning
    bar.setAttribute('aria-label', words.sections.bench)
    if (!isRunning) status.textContent = said
    const parts = BENCH_PARTS.map((part) =>
      tick(`part-${part}`, words.parts[part], chosenParts.has(part), (on) => toggle(chosenParts, part, on)),
    )
    const devices = devicesOf(app).map((device) => {
      const key = deviceKey(device)
      return tick(`on-${key}`, deviceName(device, app), devicesChosen().has(key), (on) => {
        chosenDevices = devicesChosen()
        toggle(chosenDevices, key, on)
      })
    })
    const machines = others.map((other, i) =>
      element(
        'button',
        {
          type: 'button',
          class: 'chip',
          on: {
            click: () => {
              others.splice(i, 1)
              draw()
              void changed()
            },
          },
        },
        `× ${words.forget(machineName(other))}`,
      ),
    )
    const hasFocus = document.activeElement?.id
    root.replaceChildren(
      element('h2', {}, words.sections.bench),
      element('p', { class: 'quiet' }, words.benchIntro),
      element('div', { class: 'row' }, group(words.what, ...parts), group(words.devices, ...devices)),
      element(
        'div',
        { class: 'row' },
        run,
        stop,
        tick('quick', words.quick, quick, (on) => (quick = on)),
      ),
      bar,
      status,
      ...(error === null ? [] : [errorBox(words.failed, error)]),
      ...(leftOut.length === 0 ? [] : [leftOutList()]),
      ...all()
        .filter(({ model }) => model !== app.model.choice.name)
        .map(({ name, model }) => element('p', { class: 'quiet' }, words.otherModel(name, model))),
      element(
        'div',
        { class: 'row' },
        own !== null &&
          own.rows.length > 0 &&
          element('button', { type: 'button', class: 'plain', id: 'save', on: { click: download } }, words.save),
        fileButton(words.load, loader),
        ...machines,
      ),
    )
    // what was replaced had the focus: it goes to its successor
    if (hasFocus && root.querySelector(`#${CSS.escape(hasFocus)}`)) find(hasFocus).focus()
    else if (isRunning && document.activeElement === document.body) stop.focus()
  }

  const all = (): NamedResults[] => [
    ...(own && own.rows.length > 0 ? [{ ...own, name: app.words.here }] : []),
    ...others.map((other) => ({ ...other, name: machineName(other) })),
  ]

  function leftOutList(): HTMLElement {
    return element(
      'details',
      {},
      element('summary', {}, `${app.words.leftOut}: ${leftOut.length}`),
      element('ul', {}, ...leftOut.map(({ what, why }) => element('li', {}, `${what}: ${why}`))),
    )
  }

  const download = (): void => save('results.json', `${JSON.stringify(own, null, 1)}\n`, 'application/json')

  return {
    draw,
    openFile,
    stop: () => {
      if (isRunning) client.stop()
    },
    results: () => all().filter(({ model }) => model === app.model.choice.name),
  }
}
