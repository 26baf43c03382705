// Models by their files and variants, devices by their requests, and models on devices: each made once and kept.

import type { Device } from '../kernels/program/device.ts'
import { openDevice, openDeviceFor } from '../ts/inference/devices.ts'
import { startClassifier } from '../ts/inference/classifier.ts'
import { openTokenizer } from '../ts/inference/open-tokenizer.ts'
import type { RunningModel } from '../ts/inference/running-model.ts'
import type { TextModel } from '../ts/inference/text-model.ts'
import { isModelFile, memoryFiles } from '../ts/io/folder.ts'
import { loadModelFiles, type LoadedModel } from '../ts/model/load.ts'
import type { ModelWeights } from '../ts/model/weights.ts'
import { deviceKey } from './device-key.ts'
import type { DeviceRequest, ModelChoice, Reply, Slot } from './messages.ts'
import { AS_SHIPPED } from './variants.ts'

export type Say = (reply: Reply) => void

/** A variant of a model, in memory. */
export interface OpenVariant {
  model: LoadedModel
  weights: ModelWeights
  /** of model.safetensors as it is, or as it would be written */
  fileBytes: number
  notes: string[]
}

/** A variant of a model, on a device. */
export interface OpenSlot extends OpenVariant {
  device: Device
  running: RunningModel
  /** 'auto' opened the device for this slot alone */
  isOwnDevice: boolean
  openMs: number
}

/** Two are shown side by side; one more is kept for who goes back. */
const KEPT_SLOTS = 3

/** Beside the folder of this worker's file in the built page; under development there is no policy that asks for a file. */
const THREAD = import.meta.env.PROD ? new URL('../thread.js', location.href) : undefined

const models = new Map<string, Promise<LoadedModel>>()
const devices = new Map<string, Promise<Device>>()
const slots = new Map<string, Promise<OpenSlot>>()

/** What is made once and forgotten where making it failed, so that the next request tries again. */
function once<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const found = cache.get(key)
  if (found) return found
  const made = make()
  cache.set(key, made)
  made.catch(() => cache.delete(key))
  return made
}

const modelKey = (choice: ModelChoice): string =>
  JSON.stringify(
    'addresses' in choice
      ? choice.addresses
      : choice.files.map((file) => [file.webkitRelativePath, file.name, file.size, file.lastModified]),
  )

/** @param request by name: which one 'auto' is depends on the model */
export const deviceFor = (request: DeviceRequest): Promise<Device> =>
  once(devices, deviceKey(request), async () => {
    const { kind, threads } = request
    const options = kind === 'webgpu' ? { device: kind } : { device: kind, threads, workerUrl: THREAD }
    return (await openDevice(options)).device
  })

const modelFor = (choice: ModelChoice, say: Say): Promise<LoadedModel> =>
  once(models, modelKey(choice), async () => {
    const files = await filesOf(choice, isModelFile, say)
    if (!('config.json' in files))
      throw new Error(
        `${choice.name}: config.json is missing; expected the files of a model folder: config.json, model.safetensors, and tokenizer.json or vocab.txt`,
      )
    say({ verb: 'progress', stage: 'opening', done: 0, total: 1 })
    const model = await loadModelFiles(memoryFiles(files, choice.name))
    if (!model.weights.classifier)
      throw new Error(`${choice.name} has no classifier: expected a model that was trained to tell labels apart`)
    return model
  })

/** The files of a model whose names are wanted, by name. */
export const filesOf = (
  choice: ModelChoice,
  isWanted: (name: string) => boolean,
  say: Say,
): Promise<Record<string, ArrayBuffer>> =>
  'addresses' in choice ? fetchFiles(choice.addresses, isWanted, say) : readFiles(choice.files, isWanted)

/** Only the files that are there are asked for: a browser reports every other one as an error. */
async function fetchFiles(
  addresses: Record<string, string>,
  isWanted: (name: string) => boolean,
  say: Say,
): Promise<Record<string, ArrayBuffer>> {
  const loaded = new Map<string, number>()
  const totals = new Map<string, number>()
  const sum = (bytes: Map<string, number>): number => [...bytes.values()].reduce((all, one) => all + one, 0)
  const wanted = Object.entries(addresses).filter(([file]) => isWanted(file))
  const files = await Promise.all(
    wanted.map(async ([file, address]) => {
      const response = await fetch(address)
      if (!response.ok) throw new Error(`${address} could not be fetched: HTTP ${response.status}`)
      totals.set(file, Number(response.headers.get('content-length') ?? 0))
      const pieces: Uint8Array<ArrayBuffer>[] = []
      const reader = response.body!.getReader()
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        pieces.push(part.value)
        loaded.set(file, (loaded.get(file) ?? 0) + part.value.length)
        say({ verb: 'progress', stage: 'fetching', done: sum(loaded), total: sum(totals) })
      }
      return [file, await new Blob(pieces).arrayBuffer()] as const
    }),
  )
  return Object.fromEntries(files)
}

/** The folder's own files alone: folders in it may have a config.json of another thing. */
async function readFiles(files: File[], isWanted: (name: string) => boolean): Promise<Record<string, ArrayBuffer>> {
  const own = files.filter((file) => file.webkitRelativePath.split('/').length <= 2 && isWanted(file.name))
  const read = await Promise.all(own.map(async (file) => [file.name, await file.arrayBuffer()] as const))
  return Object.fromEntries(read)
}

export async function variantFor(choice: ModelChoice, variant: string, say: Say): Promise<OpenVariant> {
  const model = await modelFor(choice, say)
  if (variant === AS_SHIPPED) return { model, weights: model.weights, fileBytes: model.fileBytes, notes: [] }
  say({ verb: 'progress', stage: 'making', done: 0, total: 1 })
  const [{ makeVariant }, { inspectModel }] = await Promise.all([
    import('./make-variant.ts'),
    import('../ts/recipe/ledger.ts'),
  ])
  const { model: weights, notes } = await makeVariant(model.weights, variant)
  return { model, weights, fileBytes: inspectModel(weights, { header: true }).bytes, notes }
}

/** A variant on its device; the ones used least lately are freed. */
export async function slotFor(slot: Slot, say: Say): Promise<OpenSlot> {
  const key = JSON.stringify([modelKey(slot.model), slot.variant, deviceKey(slot.device)])
  const found = slots.get(key)
  if (found) {
    slots.delete(key)
    slots.set(key, found)
    return { ...(await found), openMs: 0 }
  }
  while (slots.size >= KEPT_SLOTS) {
    const [oldest, old] = slots.entries().next().value!
    slots.delete(oldest)
    await old.then(free).catch(() => {})
  }
  return once(slots, key, () => start(slot, say))
}

async function start({ model: choice, variant, device: request }: Slot, say: Say): Promise<OpenSlot> {
  const start = performance.now()
  const named = request.kind === 'auto' ? null : deviceFor(request)
  const open = await variantFor(choice, variant, say)
  const { model, weights } = open
  say({ verb: 'progress', stage: 'packing', done: 0, total: 1 })
  const tokenizer = await openTokenizer(model.tokenizerFiles, weights.config, model.where)
  const opened = {
    ...{ weights, tokenizer, fileBytes: open.fileBytes, where: model.where, sentence: null },
    close: async () => {},
  }
  const isOwnDevice = named === null
  const { device, notes } = named ? { device: await named, notes: [] } : await fasterFor(opened, request)
  const running = await startClassifier(opened, device)
  return { ...open, notes: [...open.notes, ...notes], device, running, isOwnDevice, openMs: performance.now() - start }
}

/** The faster device for a model; an emulated GPU takes part, since the reader sees both times. */
const fasterFor = (opened: TextModel, { threads }: DeviceRequest): Promise<{ device: Device; notes: string[] }> =>
  openDeviceFor(opened, { device: 'auto', software: 'allow', threads, workerUrl: THREAD })

async function free({ running, device, isOwnDevice }: OpenSlot): Promise<void> {
  await running.dispose()
  if (isOwnDevice) await device.dispose()
}

/** After a failure: a device may be lost; the next request gets a new one. */
export async function forgetDevices(): Promise<void> {
  const chosen = [...slots.values()]
  slots.clear()
  for (const slot of chosen)
    await slot.then(({ isOwnDevice, device }) => (isOwnDevice ? device.dispose() : undefined)).catch(() => {})
  const old = [...devices.values()]
  devices.clear()
  for (const device of old) await device.then((found) => found.dispose()).catch(() => {})
}
