// docs/benchmarks.md from bench/results/*.json. With --check it writes nothing and fails where the page is stale.

import { markdownTable } from 'markdown-table'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { textsTable } from '../bench/lib/texts-table.ts'
import { engineName, gpuCeilingsText, percent, short, type BenchResult, type ResultRow } from '../bench/lib/results.ts'
import { writeWhole } from '../ts/io/folder.node.ts'

const RESULTS = 'bench/results'
const PAGE = 'docs/benchmarks.md'

const table = (header: string[], rows: string[][]): string =>
  markdownTable([header, ...rows], { alignDelimiters: false })

const device = (row: ResultRow): string => (row.software ? `${row.device} (software)` : row.device)

const disturbed = (row: ResultRow): string => `${row.disturbedBursts}/${row.bursts}${row.noisy ? ', noisy' : ''}`

function modelRows(rows: ResultRow[]): string {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.ratios ?? {})))]
  const header = [
    'variant',
    'engine',
    'device',
    'threads',
    '(B, T)',
    'median ms',
    'MAD',
    'p95',
    'min',
    'CPU ms',
    'cold',
    'max error',
  ]
  for (const peer of peers) header.push(`times ${peer}, same weights`, `times ${peer} fp32`, 'the same by min')
  header.push('bursts disturbed')
  const times = (ratio: number | undefined): string => ratio?.toFixed(2) ?? ''
  return table(
    header,
    rows.map((row) => [
      `\`${row.variant}\``,
      engineName(row),
      device(row),
      String(row.threads),
      `(${row.batch}, ${row.tokens})`,
      ...[row.medianMs, row.madMs, row.p95Ms, row.minMs, row.cpuMs, row.coldMs, row.maxError].map(short),
      ...peers.flatMap((peer) => [
        times(row.ratios?.[peer]?.sameWeights),
        times(row.ratios?.[peer]?.baseline),
        times(row.ratios?.[peer]?.baselineMin),
      ]),
      disturbed(row),
    ]),
  )
}

const bestGops = (row: ResultRow): number | undefined => row.gops && (row.gops * row.medianMs) / row.minMs

function kernelRows(rows: ResultRow[]): string {
  return table(
    [
      'kernel, M x N x K',
      'variant',
      'engine',
      'device',
      'threads',
      'median ms',
      'MAD',
      'p95',
      'min',
      'Gop/s',
      'Gop/s at min',
      'dense-equivalent',
      'of ceiling',
      'max error',
      'bursts disturbed',
    ],
    rows.map((row) => [
      row.model,
      row.variant,
      engineName(row),
      device(row),
      String(row.threads),
      ...[row.medianMs, row.madMs, row.p95Ms, row.minMs, row.gops, bestGops(row), row.effectiveGops].map(short),
      percent(row.ceilingShare),
      short(row.maxError),
      disturbed(row),
    ]),
  )
}

function ceilings({ ceilings: { cpu, gpu } }: BenchResult): string[] {
  const lines: string[] = []
  if (cpu)
    lines.push(
      `CPU ceilings probed in the same run, ${cpu.threads} thread${cpu.threads === 1 ? '' : 's'}: f32 mul+add ${short(cpu.f32MulAdd)}, ` +
        `f32 relaxed madd ${short(cpu.f32RelaxedMadd)}, int8 \`dot_i16x8_s\` ${short(cpu.int8DotI16)}, int8 relaxed dot ${short(cpu.int8RelaxedDot)} Gop/s; read ${short(cpu.readGBs)} GB/s.`,
    )
  if (gpu) lines.push(`GPU ceilings probed in the same run, ${gpuCeilingsText(gpu)}.`)
  return lines
}

function section(file: string): string {
  const result = JSON.parse(readFileSync(`${RESULTS}/${file}`, 'utf8')) as BenchResult
  const { machine, engine, rows } = result
  const isKernel = (row: ResultRow): boolean =>
    row.gops !== undefined || (row.maxError !== undefined && row.samples === undefined)
  const models = rows.filter((row) => !isKernel(row))
  const kernels = rows.filter(isKernel)
  const features = machine.features.length > 0 ? `; ${machine.features.join(', ')}` : ''
  return [
    `## ${result.bench}, ${machine.class}, ${result.date.slice(0, 10)}`,
    `\`${result.command}\` ([raw](../${RESULTS}/${file}))`,
    `${machine.cpu}, ${machine.cores} cores${features}; ${machine.platform}, Node ${engine.node}, V8 ${engine.v8}.`,
    ...ceilings(result),
    ...(result.bench === 'texts' ? [textsTable(result)] : models.length > 0 ? [modelRows(models)] : []),
    ...(kernels.length > 0 ? [kernelRows(kernels)] : []),
    result.notes.map((note) => `- ${note}`).join('\n'),
  ].join('\n\n')
}

const HEAD = `# Benchmarks

Made by \`npm run docs\` from \`${RESULTS}/*.json\`; do not edit. Each table names the command that makes
it again.

How it is measured: contenders run in processes of their own, in short bursts, interleaved round by round with their
order rotated. Beside each burst a fixed loop is timed; bursts where that loop was more than 15 % slower than its best, or
where a one-thread contender got less than 95 % of its core, count as disturbed and are left out of the median. A row is
marked noisy where two thirds or more of its bursts were disturbed: then its numbers are over all of them. "max error" is against
a float64 reference. "CPU ms" is the CPU time of one
run, all threads. "times X" is how many times as fast ours is: X's median divided by ours. Times of a software adapter
are emulation on the CPU and say nothing about a GPU.
`

const files = existsSync(RESULTS)
  ? readdirSync(RESULTS)
      .filter((file) => file.endsWith('.json'))
      .sort()
      .reverse()
  : []
const page = [HEAD.trim(), ...files.map(section)].join('\n\n') + '\n'
const present = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : ''
if (process.argv.includes('--check')) {
  if (present !== page)
    throw new Error(`${PAGE} is not what ${RESULTS} says: run node scripts/benchmarks-doc.ts and commit it`)
} else if (present !== page) {
  await writeWhole(PAGE, [page])
  console.log(`wrote ${PAGE}: ${files.length} results`)
}
