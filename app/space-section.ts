// Size, time and F1 in space. WebGPU draws lines and points where there is an adapter; else a 2-D canvas draws the same from
// the same camera. Names are on a 2-D canvas above either.

import { variantName, type App, type Section } from './app.ts'
import { placeLabels, timePoints, type NamedResults } from './chart-data.ts'
import { element } from './dom.ts'
import { Orbit, project } from './orbit.ts'
import { makeScene, type Scene } from './scene.ts'
import { createSpaceRenderer, RADIUS, type Colour, type Colours, type SpaceRenderer } from './space-gpu.ts'

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
  /** null: not tried yet */
  let flatReason: string | null = null
  let isStarting = false
  /** some browsers have an adapter whose canvases stay empty */
  let isSeen = false
  let frame = 0

  const solid = element('canvas', { attributes: { 'aria-hidden': 'true' } })
  const flat = element('canvas', { attributes: { 'aria-hidden': 'true' } })
  const stage = element('div', { id: 'space-stage', class: 'stage', tabIndex: 0 }, solid, flat)
  stage.setAttribute('role', 'application')
  const orbit = new Orbit(stage, paintSoon)
  new ResizeObserver(paintSoon).observe(stage)

  function paintSoon(): void {
    cancelAnimationFrame(frame)
    frame = requestAnimationFrame(paint)
  }

  async function start(): Promise<void> {
    if (isStarting || renderer || flatReason !== null) return
    isStarting = true
    try {
      if (!app.abilities?.adapter)
        throw new Error(app.abilities?.noAdapter === 'no adapter' ? app.words.noAdapter : app.words.noWebgpu)
      renderer = await createSpaceRenderer(solid, flatten)
    } catch (error) {
      flatReason = (error as Error).message
    }
    isStarting = false
    draw()
  }

  /** From here on without WebGPU. */
  function flatten(why: string): void {
    renderer?.dispose()
    renderer = null
    flatReason = why
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
    renderer?.draw(scene, matrix, colours, ratio)
    if (renderer && !isSeen) {
      isSeen = isDrawn(solid)
      if (!isSeen) return flatten(app.words.emptyCanvas)
    }
    const context = flat.getContext('2d')!
    context.scale(ratio, ratio)
    if (!renderer) paintFlat(context, scene, matrix, colours, width)
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

  const hint = element('p', { class: 'quiet' })

  function draw(): void {
    const { words } = app
    const points = timePoints(results(), choice.place, choice.tokens, (variant) => variantName(variant, app))
    scene = points.length > 0 ? makeScene(points, { x: words.axes.size, y: words.axes.f1, z: words.axes.ms }) : null
    stage.setAttribute('aria-label', `${words.sections.space}. ${words.spaceHint}`)
    if (!scene) hint.textContent = words.spaceEmpty
    else {
      const by = renderer ? words.spaceGpu : flatReason === null ? '' : words.spaceFlat(flatReason)
      hint.textContent = `${words.spaceHint} ${by}`
    }
    if (!stage.isConnected || root.firstElementChild?.textContent !== words.sections.space)
      root.replaceChildren(element('h2', {}, words.sections.space), stage, hint)
    stage.hidden = scene === null
    if (!scene) return
    paintSoon()
    // the adapter is known, or known to be missing, by then
    if (app.abilities) void start()
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

/** Whether there is anything on a canvas. */
function isDrawn(canvas: HTMLCanvasElement): boolean {
  const { width, height } = canvas
  const context = element('canvas', { width, height }).getContext('2d')!
  context.drawImage(canvas, 0, 0)
  return context.getImageData(0, 0, width, height).data.some((value) => value > 0)
}

const cssColour = ([red, green, blue, alpha]: Colour): string =>
  `rgb(${[red, green, blue].map((part) => Math.round(part * 255)).join(' ')} / ${alpha})`
