// npm run soak -- [--minutes M] [--seed S] [--no-gpu]

import { parseArgs } from 'node:util'
import { soak } from './soak.ts'

const { values } = parseArgs({
  allowNegative: true,
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    gpu: { type: 'boolean', default: true },
  },
})
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write('soak: expected --minutes M above 0, --seed S a whole number\n')
  process.exit(2)
}
const report = await soak({
  seconds: minutes * 60,
  seed,
  gpu: values.gpu,
  progress: (words) => void process.stderr.write(`${words}\n`),
})
for (const line of report.wrong.slice(0, 20)) process.stdout.write(`${line}\n`)
const lines = [
  `soak, seed ${seed}: ${report.calls} calls with ${report.texts} texts and ${report.loads} loads in ${(report.seconds / 60).toFixed(1)} minutes; ${report.wrong.length} wrong`,
  ...report.growth.map(({ what, begin, end }) => `${what}: ${begin} after a tenth, ${end} at the end`),
]
process.stdout.write(`${lines.join('\n')}\n`)
process.exitCode = report.wrong.length > 0 ? 1 : 0
