// Size, time and F1 in space. WebGPU draws lines and points where there is an adapter; else a 2-D canvas draws the same from
// the same camera. Names are on a 2-D canvas above either.

import { labelled, variantName, type App, type Section } from './app.ts'
import { placeLabels, timePoints, type NamedResults } from './chart-data.ts'
import { element, fillSelect } from './dom.ts'
import { Orbit, project } from './orbit.ts'
import { makeScene, type Scene } from './scene.ts'
import { createSpaceRenderer, RADIUS, type Colour, type Colours, type SpaceRenderer } from './space-gpu.ts'

type Mode = 'webgpu' | 'flat'

const HEIGHT = 420
const MACHINES = ['--accent', '--second', '--third', '--fourth']

export function mountSpace(
  root: HTMLElement,
  app: App,
  results: () => NamedResults[],
  choice: { readonly place: string; readonly tokens: number },
): Section {
  let scene: Scene | null = null
  let renderer: SpaceRenderer | null = null
  let chosen: Mode | null = null
  /** why WebGPU does not draw here; null: it does, or was not tried */
  let broken: string | null = null
  let isStarting = false
  /** some browsers have an adapter whose canvases stay empty */
  let isChecked = false
  let frame = 0

  const solid = element('canvas', { attributes: { 'aria-hidden': 'true' } })
  const flat = element('canvas', { attributes: { 'aria-hidden': 'true' } })
  const stage = element('div', { id: 'space-stage', class: 'stage', tabIndex: 0 }, solid, flat)
  stage.setAttribute('role', 'application')
  const hint = element('p', { class: 'quiet', id: 'space-hint' })
  const select = element('select', { id: 'space-mode' })
  select.addEventListener('change', () => {
    chosen = select.value as Mode
    draw()
  })
  const orbit = new Orbit(stage, paintSoon)
  new ResizeObserver(paintSoon).observe(stage)

  /** An emulated GPU is slower than a 2-D canvas, and the page would wait for it. */
  function mode(): Mode {
    const adapter = app.abilities?.adapter
    if (!adapter || broken !== null) return 'flat'
    return chosen ?? (adapter.software ? 'flat' : 'webgpu')
  }

  function whyFlat(): string {
    const { words, abilities } = app
    if (!abilities?.adapter) return abilities?.noAdapter === 'no adapter' ? words.noAdapter : words.noWebgpu
    if (broken !== null) return broken
    return chosen === 'flat' ? words.flatChosen : words.adapterSoftware(abilities.adapter.name)
  }

  function paintSoon(): void {
    cancelAnimationFrame(frame)
    frame = requestAnimationFrame(paint)
  }

  async function start(): Promise<void> {
    if (isStarting || renderer) return
    isStarting = true
    try {
      renderer = await createSpaceRenderer(solid, flatten)
    } catch (error) {
      broken = (error as Error).message
    }
    isStarting = false
    draw()
  }

  /** From here on without WebGPU. */
  function flatten(why: string): void {
    renderer?.dispose()
    renderer = null
    broken = why
    draw()
  }

  function paint(): void {
    if (!scene || stage.clientWidth === 0) return
    const ratio = devicePixelRatio
    const width = stage.clientWidth
    for (const canvas of [solid, flat]) {
      canvas.width = Math.round(width * ratio)
      canvas.height = Math.round(HEIGHT * ratio)
    }
    const matrix = orbit.matrix(width / HEIGHT)
    const colours = coloursOf()
    const isSolid = mode() === 'webgpu' && renderer !== null
    if (isSolid) renderer!.draw(scene, matrix, colours, ratio)
    if (isSolid && !isChecked) {
      isChecked = true
      // what was drawn is there for this task alone
      void isDrawn(createImageBitmap(solid)).then((is) => {
        if (!is) flatten(app.words.emptyCanvas)
      })
    }
    const context = flat.getContext('2d')!
    context.scale(ratio, ratio)
    if (!isSolid) paintFlat(context, scene, matrix, colours, width)
    paintNames(context, scene, matrix, width)
  }

  function paintFlat(
    context: CanvasRenderingContext2D,
    { lines, points }: Scene,
    matrix: ReturnType<Orbit['matrix']>,
    colours: Colours,
    width: number,
  ): void {
    for (const { from, to, kind } of lines) {
      context.strokeStyle = cssColour(colours[kind])
      context.beginPath()
      for (const at of [from, to]) {
        const [x, y] = project(matrix, at, width, HEIGHT)
        context.lineTo(x, y)
      }
      context.stroke()
    }
    const placed = points.map(({ at, machine }) => ({ machine, seen: project(matrix, at, width, HEIGHT) }))
    for (const { machine, seen } of placed.sort((a, b) => b.seen[2] - a.seen[2])) {
      context.fillStyle = cssColour(colours.machines[machine % colours.machines.length])
      context.beginPath()
      context.arc(seen[0], seen[1], RADIUS, 0, 2 * Math.PI)
      context.fill()
    }
  }

  function paintNames(
    context: CanvasRenderingContext2D,
    { points, texts }: Scene,
    matrix: ReturnType<Orbit['matrix']>,
    width: number,
  ): void {
    const { color, fontFamily } = getComputedStyle(stage)
    context.font = `11px ${fontFamily}`
    context.textBaseline = 'middle'
    context.fillStyle = getComputedStyle(hint).color
    for (const { at, text } of texts) {
      const [x, y] = project(matrix, at, width, HEIGHT)
      context.textAlign = x < width / 3 ? 'right' : x > (2 * width) / 3 ? 'left' : 'center'
      context.fillText(text, x, y)
    }
    context.fillStyle = color
    const seen = points
      .filter(({ machine }) => machine === 0)
      .map(({ at, name }) => ({ name, at: project(matrix, at, width, HEIGHT) }))
    const labels = placeLabels(
      seen.map(({ name, at: [x, y] }) => ({ name, x, y })),
      { left: 0, right: width, top: 0, bottom: HEIGHT },
    )
    for (const { name, x, y, dx, dy, anchor } of labels) {
      context.textAlign = anchor === 'middle' ? 'center' : anchor
      context.fillText(name, x + dx, y + dy)
    }
  }

  function draw(): void {
    const { words } = app
    const points = timePoints(results(), choice.place, choice.tokens, (variant) => variantName(variant, app))
    scene = points.length > 0 ? makeScene(points, { x: words.axes.size, y: words.axes.f1, z: words.axes.ms }) : null
    stage.setAttribute('aria-label', `${words.sections.space}. ${words.spaceHint}`)
    if (!scene) hint.textContent = words.spaceEmpty
    else hint.textContent = `${words.spaceHint} ${mode() === 'webgpu' ? words.spaceGpu : words.spaceFlat(whyFlat())}`
    const modes: Mode[] = app.abilities?.adapter ? ['webgpu', 'flat'] : ['flat']
    fillSelect(
      select,
      modes.map((value) => ({ value, name: words.drawnBy[value] })),
      mode(),
    )
    const focused = [select, stage].find((one) => one === document.activeElement)
    root.replaceChildren(
      element('h2', {}, words.sections.space),
      element('div', { class: 'row' }, labelled(words.drawn, select)),
      stage,
      hint,
    )
    focused?.focus()
    stage.hidden = scene === null
    select.hidden = select.parentElement!.hidden = scene === null
    solid.hidden = mode() === 'flat'
    if (!scene) return
    paintSoon()
    if (mode() === 'webgpu') void start()
  }

  /** Custom properties hold light and dark values: an element's own colour is one of them. */
  function coloursOf(): Colours {
    const of = (name: string, alpha = 1): Colour => {
      hint.style.color = `var(${name})`
      const [red, green, blue] = (getComputedStyle(hint).color.match(/[\d.]+/g) ?? ['0', '0', '0']).map(Number)
      hint.style.color = ''
      return [red / 255, green / 255, blue / 255, alpha]
    }
    return { edge: of('--quiet', 0.45), foot: of('--quiet', 0.8), machines: MACHINES.map((name) => of(name)) }
  }

  return { draw }
}

/** Whether there is anything on a picture; the GPU may take its time with it. */
async function isDrawn(picture: Promise<ImageBitmap>): Promise<boolean> {
  const bitmap = await picture
  const { width, height } = bitmap
  const context = element('canvas', { width, height }).getContext('2d', { willReadFrequently: true })!
  context.drawImage(bitmap, 0, 0)
  return context.getImageData(0, 0, width, height).data.some((value) => value > 0)
}

const cssColour = ([red, green, blue, alpha]: Colour): string =>
  `rgb(${[red, green, blue].map((part) => Math.round(part * 255)).join(' ')} / ${alpha})`
