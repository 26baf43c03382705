// npm run engines -- [NAME ...] [--device NAME ...] [--write]: the checks and the kernel tests on every engine that can be had
// here. --write keeps what was found in bench/results/engines, of which npm run docs makes README's table.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../bench/lib/machine.ts'
import { writeWhole } from '../../ts/io/folder.node.ts'
import { ENGINES } from './engines.ts'
import { faultsOf, RESULTS, tableOf, type EngineResult } from './table.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: 'boolean' }, device: { type: 'string', multiple: true } },
})
const names = ENGINES.map(({ name }) => name)
const unknown = positionals.find((name) => !names.includes(name))
if (unknown !== undefined) {
  process.stderr.write(`engines: '${unknown}' is not known; there are ${names.join(', ')}\n`)
  process.exit(2)
}

const found: EngineResult[] = []
const missing: string[] = []
for (const { name, run } of ENGINES) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  process.stderr.write(`${name} ...\n`)
  const answer = await run(values.device ?? []).catch((error: unknown) => (error as Error).message.split('\n')[0])
  if (typeof answer === 'string') {
    process.stdout.write(`NOT RUN: ${name}: ${answer}\n`)
    missing.push(name)
    continue
  }
  for (const fault of faultsOf(answer)) process.stdout.write(`WRONG: ${name}: ${fault}\n`)
  const result: EngineResult = {
    schema: 'compact-kernels/engines/1',
    name,
    command: commandOf(name),
    date: new Date().toISOString(),
    machine: describeMachine(),
    answer,
  }
  found.push(result)
  if (!values.write) continue
  await mkdir(RESULTS, { recursive: true })
  const file = `${name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')}.json`
  await writeWhole(join(RESULTS, file), [`${JSON.stringify(result, null, 1)}\n`])
}
process.stdout.write(`${tableOf(found)}\n`)
for (const name of missing) process.stdout.write(`NOT RUN: ${name}; the table has what was found last\n`)
// an engine that is not installed here has shown nothing: that is no success
process.exitCode = found.some(({ answer }) => faultsOf(answer).length > 0) ? 1 : missing.length > 0 ? 3 : 0

function commandOf(name: string): string {
  const quoted = (word: string): string => (/^\w+$/.test(word) ? word : `"${word}"`)
  const devices = (values.device ?? []).map((device) => ` --device ${quoted(device)}`)
  return `npm run engines -- ${quoted(name)}${devices.join('')} --write`
}
