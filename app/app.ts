// What the sections of the page share.

import type { Abilities } from './browser.ts'
import { threads, WASM_DEVICES } from './browser.ts'
import { element } from './dom.ts'
import type { PageModel } from './catalogue.ts'
import type { Client } from './client.ts'
import { deviceKey } from './device-key.ts'
import type { DeviceRequest } from './messages.ts'
import { viewText, type View } from './view.ts'
import type { Words } from './words.en.ts'

export interface App {
  words: Words
  view: View
  model: PageModel
  /** for answers and the ledger; the bench has a worker of its own */
  client: Client
  /** null until the browser has answered */
  abilities: Abilities | null
  /** Puts what was chosen into the address. */
  keep(): void
  /** Another model: every section shows it. */
  choose(model: PageModel): void
}

/** A part of the page that can draw itself anew in another language. */
export interface Section {
  draw(): void
}

export const keepAddress = (view: View): void => history.replaceState(null, '', viewText(view) + location.hash)

/** What a model can run on here. A GPU is among them once its adapter has answered. */
export const devicesOf = ({ abilities }: App): DeviceRequest[] => [
  ...WASM_DEVICES,
  ...(abilities?.adapter ? [{ kind: 'webgpu' as const, threads: 0 }] : []),
]

export function deviceName(device: DeviceRequest, { words, abilities }: App): string {
  if (device.kind === 'auto') return words.autoDevice
  if (device.kind === 'wasm') return words.wasm(device.threads)
  return abilities?.adapter?.software ? `${words.webgpu} (${words.emulated})` : words.webgpu
}

export const variantName = (variant: string, { words }: App): string => words.variants[variant] ?? variant

/** The name of a shipped model with what it reads. */
export function modelName({ choice, facts }: PageModel, words: Words): string {
  return facts ? `${choice.name} (${facts.title[words.code]})` : choice.name
}

/** Devices by name, and the choice between them where there are two. */
export const deviceOptions = (app: App): { value: string; name: string }[] =>
  [...devicesOf(app), ...(app.abilities?.adapter ? [{ kind: 'auto' as const, threads }] : [])].map((device) => ({
    value: deviceKey(device),
    name: deviceName(device, app),
  }))

/** A select with its label. */
export function labelled(name: string, control: HTMLElement): HTMLElement {
  return element('label', { class: 'field' }, element('span', {}, name), control)
}

/** A file input that looks like a button and says what it opens; the input keeps the keyboard. */
export function fileButton(name: string, input: HTMLInputElement): HTMLElement {
  input.className = 'unseen'
  return element('label', { class: 'file' }, name, input)
}

/** An error in place of what was there, read out at once. */
export const errorBox = (title: string, message: string): HTMLElement =>
  element(
    'div',
    { class: 'error', attributes: { role: 'alert' } },
    element('strong', {}, title),
    element('p', {}, message),
  )
