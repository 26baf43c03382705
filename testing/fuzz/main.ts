// npm run fuzz -- models|data|checkpoints|calls|gpu [--cases N] [--seed S]

import { parseArgs } from 'node:util'
import { fuzzCalls } from './calls.ts'
import { fuzzCheckpoints } from './checkpoints.ts'
import { fuzzData } from './data.ts'
import { fuzzGpu } from './gpu.ts'
import { fuzzModels } from './models.ts'

const TARGETS = { models: fuzzModels, data: fuzzData, checkpoints: fuzzCheckpoints, calls: fuzzCalls, gpu: fuzzGpu }
/** Lines that say how far it is. */
const LINES = 10

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cases: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
})
const [cases, seed] = [Number(values.cases), Number(values.seed)]
const target = positionals[0] as keyof typeof TARGETS
if (positionals.length !== 1 || !Object.hasOwn(TARGETS, target) || !(cases >= 1) || !Number.isSafeInteger(seed)) {
  process.stderr.write(`fuzz: expected one of ${Object.keys(TARGETS).join(', ')}, then --cases N, --seed S\n`)
  process.exit(2)
}
const began = performance.now()
const every = Math.ceil(cases / LINES)
const report = await TARGETS[target](cases, seed, (done) => {
  if (done % every === 0) process.stderr.write(`${target}: ${done} of ${cases}\n`)
})
const seconds = ((performance.now() - began) / 1000).toFixed(0)
for (const fault of report.faults) process.stdout.write(`${fault}\n`)
process.stdout.write(
  `${target}, seed ${seed}: ${cases} cases in ${seconds} s; ${report.taken} taken, ${report.refused} refused in words, ${report.faults.length} faults; slowest ${report.slowestMs.toFixed(0)} ms\n`,
)
process.exitCode = report.faults.length > 0 ? 1 : 0
