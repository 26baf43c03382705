// What options of the bench may hold, beside those of the command line (ts/cli/values.ts).

import { InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { deviceList, wholeNumber } from '../ts/cli/values.ts'
import type { Size } from './gpu.ts'
import { HOSTS, type Host } from './lib/contender.ts'

export const count = wholeNumber(1)

export const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

export const counts = (text: string): number[] => list(text).map(count)

export function layerSizes(text: string): [N: number, K: number][] {
  return list(text).map((size) => {
    const [N, K, ...more] = size.split('x').map(count)
    if (K === undefined || more.length > 0 || K % 16 !== 0)
      throw new InvalidArgumentError(`expected NxK with K a multiple of 16, found '${size}'`)
    return [N, K]
  })
}

export function zeros(text: string): number[] {
  return list(text).map((part) => {
    const percent = Number(part)
    if (!(percent >= 0 && percent < 100)) throw new InvalidArgumentError(`expected percents below 100, found '${part}'`)
    return percent
  })
}

export function hosts(text: string): Host[] {
  const names = list(text)
  const wrong = names.find((name) => !HOSTS.includes(name as Host))
  if (wrong !== undefined || names.length === 0)
    throw new InvalidArgumentError(`expected some of ${HOSTS.join(', ')}, found '${text}'`)
  return names as Host[]
}

export function sizes(text: string): Size[] {
  return list(text).map((size) => {
    const [, batch, tokens] = /^(\d+)x(\d+)$/.exec(size) ?? []
    if (!Number(batch) || !Number(tokens)) throw new InvalidArgumentError(`expected e.g. 1x16, found '${size}'`)
    return { batch: Number(batch), tokens: Number(tokens) }
  })
}

const DEFAULT_VARIANTS = 'baseline,q8,sp80x4+q8+e8'

export const precisionOption = () =>
  new Option('--precision <name>', 'our dense f32 layers on the GPU; f16 needs shader-f16')
    .choices(['f32', 'f16-weights', 'f16'] as const)
    .default('f32' as const)

export const variantsOption = () =>
  new Option('--variants <list>', 'recipes').argParser(list).default(list(DEFAULT_VARIANTS), DEFAULT_VARIANTS)

export const modelOption = (preset: string) =>
  new Option('--model <source>', 'preset:NAME, folder or hub id').default(preset)

export const devicesOption = () =>
  new Option('--devices <list>', 'cpu, gpu or both').argParser(deviceList).default(deviceList('cpu'), 'cpu')

export const threadsOption = (words: string, threads: number) =>
  new Option('--threads <n>', words).argParser(count).default(threads)

export const roundsOption = (rounds: number) =>
  new Option('--rounds <n>', 'interleaved rounds').argParser(count).default(rounds)

export const burstOption = (ms: number) =>
  new Option('--burst <ms>', 'least length of one burst').argParser(count).default(ms)

export const hostsOption = (words: string) =>
  new Option('--hosts <list>', words).argParser(hosts).default(hosts('node'), 'node')

export const seedOption = () => new Option('--seed <n>', 'weights and token ids').argParser(count).default(1)

export const jsonOption = () => new Option('--json <file>', 'write the raw result')
