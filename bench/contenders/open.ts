// Opens the contenders of `bench models`: which of them run where, each in a process or a page, with a variant loaded.

import { pathToFileURL } from 'node:url'
import type { BrowserAdapter } from '../../testing/browser/chromium.ts'
import { WIDE_FLAG } from '../../kernels/wasm/wide-flag.ts'
import { nodeChannel, pythonChannel, type Channel } from '../lib/channel.ts'
import { MODEL_PAGES, chromiumChannel } from '../lib/chromium.ts'
import { CONTENDERS, PEERS, type Description, type Host, type Task } from '../lib/contender.ts'
import type { Burst } from '../lib/measure.ts'
import type { ModelBenchOptions } from '../lib/model-options.ts'
import { RemoteContender } from '../lib/remote.ts'
import { servedFolder } from '../lib/served-folder.ts'
import { short } from '../lib/results.ts'
import { checkInput, largestDifference, seededInput, type Variant } from '../lib/variant.ts'

/** A contender that has a variant loaded, and what was measured of it so far. */
export interface OpenContender {
  remote: RemoteContender
  task: Task
  /** the contender's name, as in CONTENDERS */
  name: string
  host: Host
  prepareMs: number
  coldMs: number
  description: Description
  logits: Float32Array
  maxError: number
  bursts: Burst[]
  gpuMs: number[]
}

/**
 * Who runs and where: what can run in a page does so on every host that is asked for, the others in their own process;
 * where one of them runs in pages alone and none is asked for, an isolated one is added, for ours beside it.
 */
function wanted({
  devices,
  peers,
  hosts,
  wide,
}: ModelBenchOptions): { contender: string; device: 'cpu' | 'gpu'; host: Host }[] {
  const isPaged = peers.some((peer) => !Object.hasOwn(CONTENDERS, peer))
  const all: Host[] = isPaged && hosts.every((host) => host === 'node') ? [...hosts, 'chromium'] : hosts
  const contenders = [
    ...devices.map((device) => ({ contender: 'compact-kernels', device })),
    ...(wide ? [{ contender: 'compact-kernels-wide', device: 'cpu' as const }] : []),
    ...peers.map((peer) => ({ contender: peer, device: PEERS[peer] })),
  ]
  return contenders.flatMap((who) => {
    if (!Object.hasOwn(MODEL_PAGES, who.contender)) return [{ ...who, host: 'node' as const }]
    const places = Object.hasOwn(CONTENDERS, who.contender) ? all : all.filter((host) => host !== 'node')
    return places.map((host) => ({ ...who, host }))
  })
}

/** Starts a contender's process. A page's task names the files as the page's server does. */
async function open(
  contender: string,
  host: Host,
  task: Task,
  adapter: BrowserAdapter,
): Promise<{ channel: Channel; task: Task; browser?: string }> {
  if (host === 'node') {
    const place = CONTENDERS[contender]
    return {
      channel: place.endsWith('.py')
        ? pythonChannel(place)
        : nodeChannel(contender === 'compact-kernels-wide' ? [WIDE_FLAG] : []),
      task,
    }
  }
  const files = await servedFolder(task.folder)
  if (task.onnxPath !== null) files.set('model.onnx', pathToFileURL(task.onnxPath))
  const isolated = host === 'chromium'
  const channel = await chromiumChannel(MODEL_PAGES[contender], files, isolated, adapter)
  const served = { ...task, onnxPath: task.onnxPath && 'model.onnx', folder: './own' }
  return { channel, task: { ...served, threads: isolated ? task.threads : 1 }, browser: channel.browser }
}

/** Loads a variant into every contender. A peer that cannot run it is named in the notes; ours failing is an error. */
export async function openContenders(
  variant: Variant,
  options: ModelBenchOptions,
  notes: string[],
): Promise<OpenContender[]> {
  const { batch, tokens, seed, threads, precision = 'f32' } = options
  const input = seededInput(variant.vocabulary, batch, tokens, seed)
  const check = checkInput(variant.vocabulary, options)
  const opened: OpenContender[] = []
  const { name, onnxPath, densePath, folder, int8 } = variant
  const note = (text: string): void => void (notes.includes(text) || notes.push(text))
  for (const { contender, device, host } of wanted(options)) {
    const who = host === 'node' ? contender : `${contender} in ${host}`
    let remote: RemoteContender | null = null
    try {
      const asked = { variant: name, onnxPath, densePath, folder, int8, threads, device, precision }
      const { channel, task, browser } = await open(contender, host, asked, options.browserAdapter ?? 'software')
      remote = new RemoteContender(`${who} ${name} ${device}`, channel)
      const { prepareMs } = await remote.prepare(contender, task)
      const { firstMs, output: logits, description } = await remote.first(input)
      const checked = await remote.output(check)
      const maxError = largestDifference(checked, variant.reference)
      // The timed runs go on with the full input.
      await remote.output(input)
      opened.push({
        remote,
        task,
        name: contender,
        host,
        prepareMs,
        coldMs: firstMs,
        description,
        logits,
        maxError,
        bursts: [],
        gpuMs: [],
      })
      options.log(
        `${name}: ${who} ${description.engineVersion} on ${device}${description.software ? ' (software adapter)' : ''}, ` +
          `${description.threads} thread${description.threads === 1 ? '' : 's'}: first run ${firstMs.toFixed(0)} ms, max error ${short(maxError)}`,
      )
      if (browser !== undefined)
        note(`${host}: ${browser}${host === 'chromium' ? ', cross-origin isolated' : ', not isolated, 1 thread'}`)
      for (const said of description.notes) note(`${who}: ${said}`)
    } catch (error) {
      await remote?.dispose()
      if (contender.startsWith('compact-kernels')) {
        await Promise.all(opened.map((other) => other.remote.dispose()))
        throw error
      }
      const reason = (error as Error).message.split('\n')[0]
      note(`${who} did not run '${name}': ${reason}`)
      options.log(`${name}: ${who} did not run: ${reason}`)
    }
  }
  return opened
}
