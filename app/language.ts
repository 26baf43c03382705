// The language of the page and numbers in it.

import { en, type Words } from './words.en.ts'
import { ru } from './words.ru.ts'

export const LANGUAGES: readonly Words[] = [en, ru]

/** The words of a language by its code; what the reader's browser prefers where the code is none of them. */
export function wordsFor(code: string | null): Words {
  const wanted = [code ?? '', ...navigator.languages].map((name) => name.slice(0, 2))
  for (const name of wanted) {
    const found = LANGUAGES.find((words) => words.code === name)
    if (found) return found
  }
  return en
}

/** Three digits: 0.0123, 1.23, 12.3, 1,230. */
export const digits = (value: number, { code }: Words, most = 3): string =>
  value.toLocaleString(code, { maximumSignificantDigits: most })

const UNITS: Record<string, { ms: string; MB: string; kB: string }> = {
  en: { ms: 'ms', MB: 'MB', kB: 'kB' },
  ru: { ms: 'мс', MB: 'МБ', kB: 'кБ' },
}

export const milliseconds = (ms: number, words: Words): string => `${digits(ms, words)} ${UNITS[words.code].ms}`

/** A time with its spread, both to the last digit that the time has. */
export function spread(medianMs: number, madMs: number, words: Words): [median: string, mad: string] {
  const places = Math.max(0, 2 - Math.floor(Math.log10(medianMs)))
  return [decimal(medianMs, words, places), decimal(madMs, words, places)]
}

export function size(bytes: number, words: Words): string {
  const { MB, kB } = UNITS[words.code]
  return bytes < 1e6 ? `${digits(bytes / 1e3, words)} ${kB}` : `${digits(bytes / 1e6, words)} ${MB}`
}

/** Below the last digit that is shown. */
const LEAST_SHARE = 0.001
export function share(part: number, { code }: Words): string {
  const text = (value: number): string => value.toLocaleString(code, { style: 'percent', maximumFractionDigits: 1 })
  return part > 0 && part < LEAST_SHARE ? `< ${text(LEAST_SHARE)}` : text(part)
}

export const decimal = (value: number, { code }: Words, places = 3): string =>
  value.toLocaleString(code, { minimumFractionDigits: places, maximumFractionDigits: places })

/** A stretch of time to come, roughly. */
export const roughly = (ms: number, words: Words): string =>
  ms < 90_000 ? words.seconds(Math.max(1, Math.round(ms / 1000))) : words.minutes(Math.round(ms / 60_000))
