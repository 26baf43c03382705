// The page: asks the worker, shows what comes back.

import { PRESET_NAMES, SHAPE_FILES, VARIANTS } from './choices.ts'
import type { Classified, DeviceRequest, KernelResult, ModelChoice, Reply, Request } from './messages.ts'
import { plotKernels } from './plot.ts'

function find<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no #${id}`)
  return element as T
}

const selects = {
  model: find<HTMLSelectElement>('model'),
  variant: find<HTMLSelectElement>('variant'),
  device: find<HTMLSelectElement>('device'),
  shapes: find<HTMLSelectElement>('shapes'),
  benchDevice: find<HTMLSelectElement>('bench-device'),
}
const buttons = [...document.querySelectorAll('button')]
const cores = Math.min(navigator.hardwareConcurrency ?? 1, 4)
const threads = crossOriginIsolated ? cores : 1

const DEVICES: Record<string, DeviceRequest> = {
  ...(threads > 1 ? { [`WebAssembly, ${threads} threads`]: { kind: 'wasm', threads } } : {}),
  'WebAssembly, 1 thread': { kind: 'wasm', threads: 1 },
  ...('gpu' in navigator ? { WebGPU: { kind: 'webgpu', threads: 0 } } : {}),
}

function fill(select: HTMLSelectElement, options: string[]): void {
  select.replaceChildren(...options.map((text) => new Option(text)))
}

fill(selects.model, [...PRESET_NAMES.map((name) => `preset:${name}`), 'an address …'])
fill(selects.variant, VARIANTS)
for (const select of [selects.device, selects.benchDevice]) fill(select, Object.keys(DEVICES))
fill(selects.shapes, Object.keys(SHAPE_FILES))
find('machine').textContent =
  `${navigator.hardwareConcurrency} cores; ` +
  (crossOriginIsolated ? 'cross-origin isolated: threads work' : 'not cross-origin isolated: one WebAssembly thread') +
  ('gpu' in navigator ? '; WebGPU is there' : '; no WebGPU in this browser')

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
let status = find('status')
let kernels: KernelResult[] = []

function ask(request: Request, where: HTMLElement): void {
  status = where
  status.textContent = 'working …'
  for (const button of buttons) button.disabled = true
  worker.postMessage(request)
}

function done(message: string): void {
  status.textContent = message
  for (const button of buttons) button.disabled = false
}

let address = './model/'

function chosenModel(): ModelChoice | null {
  const files = [...(find<HTMLInputElement>('folder').files ?? [])]
  if (files.length > 0) return { files }
  const { value } = selects.model
  if (value.startsWith('preset:')) return { preset: value.slice('preset:'.length) }
  const typed = prompt(
    'Address of a model folder (config.json, model.safetensors, vocab.txt or tokenizer.json)',
    address,
  )
  if (!typed) return null
  address = typed
  return { address: new URL(typed, location.href).href }
}

// the model chosen last counts
selects.model.addEventListener('change', () => (find<HTMLInputElement>('folder').value = ''))

find('form').addEventListener('submit', (event) => {
  event.preventDefault()
  const model = chosenModel()
  if (!model) return
  const device = DEVICES[selects.device.value]
  const text = find<HTMLInputElement>('text').value
  ask({ verb: 'classify', model, variant: selects.variant.value, device, text }, find('status'))
})

find('bench').addEventListener('click', () => {
  kernels = []
  find('plot').replaceChildren()
  const device = DEVICES[selects.benchDevice.value]
  ask({ verb: 'bench', shapes: selects.shapes.value, device }, find('bench-status'))
})

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`
const milliseconds = (ms: number): string => `${ms.toPrecision(3)} ms`

function showClassified(result: Classified): void {
  find('labels').replaceChildren(
    ...result.labels.map(({ label, score }) => {
      const row = document.createElement('div')
      row.className = 'label'
      const meter = Object.assign(document.createElement('meter'), { value: score, max: 1 })
      const name = Object.assign(document.createElement('span'), { textContent: label })
      row.append(name, meter, Object.assign(document.createElement('output'), { textContent: score.toFixed(3) }))
      return row
    }),
  )
  const facts: Record<string, string> = {
    latency: `${milliseconds(result.medianMs)}, ${result.tokens} tokens`,
    'first run': milliseconds(result.coldMs),
    'model file': megabytes(result.fileBytes),
    'on the device': megabytes(result.deviceBytes),
    device: `${result.info.name}${result.info.software ? ' (software: no GPU time)' : ''}`,
  }
  find('facts').replaceChildren(
    ...Object.entries(facts).map(([name, value]) => {
      const item = document.createElement('div')
      const term = Object.assign(document.createElement('dt'), { textContent: name })
      item.append(term, Object.assign(document.createElement('dd'), { textContent: value }))
      return item
    }),
  )
  find('notes').textContent = result.notes.join('; ')
}

worker.addEventListener('message', ({ data: reply }: MessageEvent<Reply>) => {
  switch (reply.verb) {
    case 'progress':
      status.textContent = reply.message
      break
    case 'classified':
      showClassified(reply.result)
      done('')
      break
    case 'kernel':
      kernels.push(reply.result)
      find('plot').innerHTML = plotKernels(kernels)
      break
    case 'benched':
      done(`done on ${reply.info.name}${reply.info.software ? ' (software: emulated on the CPU, no GPU time)' : ''}`)
      break
    case 'error':
      done(`failed: ${reply.message}`)
  }
})
worker.addEventListener('error', (event) => done(`the worker failed: ${event.message}`))
