// How long a model takes from its files into a session, and the most memory that takes: `node bench/load.ts FOLDER
// [ROUNDS]`, in Node. Each round reads the file into fresh memory, opens the model as a pipeline does (`openModel`) and
// as a program that keeps the weights does (`loadModel`), each in a new process, in turn.

import { execFileSync } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createWasmDevice } from '../kernels/wasm/device.ts'
import { buildProgram } from '../ts/model/bert.ts'
import { loadModel, openModel } from '../ts/model/load.ts'
import { median } from '../ts/evaluation/statistics.ts'

const READERS = ['read', 'openModel', 'loadModel'] as const
type Reader = (typeof READERS)[number]

interface Sample {
  ms: number
  /** largest resident size of the process */
  peakMB: number
}

function readWhole(folder: string): void {
  const file = openSync(join(folder, 'model.safetensors'), 'r')
  const into = new Uint8Array(fstatSync(file).size)
  for (let at = 0; at < into.length;) at += readSync(file, into, at, Math.min(1 << 26, into.length - at), at)
  closeSync(file)
}

async function measure(folder: string, reader: Reader): Promise<Sample> {
  const device = await createWasmDevice({ threads: 1 })
  const began = performance.now()
  if (reader === 'read') readWhole(folder)
  else if (reader === 'openModel') {
    const model = await openModel(folder, { readOnce: true })
    await device.load(buildProgram(model.weights, 'logits'))
    await model.close()
  } else await device.load(buildProgram((await loadModel(folder)).weights, 'logits'))
  const ms = performance.now() - began
  await device.dispose()
  return { ms, peakMB: (process.resourceUsage().maxRSS * 1024) / 1e6 }
}

const [folder, count, reader] = process.argv.slice(2)
if (reader) process.stdout.write(JSON.stringify(await measure(folder, reader as Reader)))
else {
  const samples = new Map<Reader, Sample[]>(READERS.map((name) => [name, []]))
  for (let round = 0; round < Number(count ?? 5); round++)
    for (const [name, list] of samples) {
      const args = [fileURLToPath(import.meta.url), folder, '1', name]
      list.push(JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Sample)
    }
  for (const [name, list] of samples) {
    const times = list.map(({ ms }) => ms)
    const peak = Math.max(...list.map(({ peakMB }) => peakMB))
    process.stdout.write(
      `${name.padEnd(10)} least ${Math.min(...times).toFixed(0)} ms, median ${median(times).toFixed(0)} ms, peak ${peak.toFixed(0)} MB\n`,
    )
  }
}
