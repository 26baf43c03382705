// What the reader has chosen, as the address says it: an address that is shared shows the same.

import { deviceKey, deviceOfKey } from './device-key.ts'
import type { DeviceRequest } from './messages.ts'
import { AS_SHIPPED, DENSE } from './variants.ts'

export type Theme = 'auto' | 'light' | 'dark'
export const THEMES: readonly Theme[] = ['auto', 'light', 'dark']

/** A variant and where it runs. */
export interface Side {
  variant: string
  device: DeviceRequest
}

export interface View {
  /** null: what the browser prefers */
  language: string | null
  theme: Theme
  /** name of a model that the page ships; null: the first */
  model: string | null
  /** null: the model's first example */
  text: string | null
  first: Side
  /** null: nothing beside the first */
  second: Side | null
}

/** Longer texts are not put into the address. */
const MOST_TEXT = 1500
/** no variant beside the first */
const NOTHING = 'none'

function sideOf(given: string | null, otherwise: Side): Side {
  const [variant, key = ''] = (given ?? '').split('@')
  return variant === '' ? otherwise : { variant, device: deviceOfKey(key) ?? otherwise.device }
}

const sideText = ({ variant, device }: Side): string => `${variant}@${deviceKey(device)}`

/** @param device where nothing else is said */
export function readView(search: string, device: DeviceRequest): View {
  const given = new URLSearchParams(search)
  const theme = given.get('theme') as Theme
  const second = given.get('b')
  return {
    language: given.get('lang'),
    theme: THEMES.includes(theme) ? theme : 'auto',
    model: given.get('model'),
    text: given.get('text'),
    first: sideOf(given.get('a'), { variant: AS_SHIPPED, device }),
    second: second === NOTHING ? null : sideOf(second, { variant: DENSE, device }),
  }
}

/** The address's parameters; what is as it would be anyway is left out. */
export function viewText({ language, theme, model, text, first, second }: View): string {
  const given = new URLSearchParams()
  if (language) given.set('lang', language)
  if (theme !== 'auto') given.set('theme', theme)
  if (model) given.set('model', model)
  if (text !== null && text.length <= MOST_TEXT) given.set('text', text)
  given.set('a', sideText(first))
  given.set('b', second ? sideText(second) : NOTHING)
  return `?${given}`
}
