// docs/break-even.md from bench/results/break-even/*.json. With --check it writes nothing and fails where the page is stale.

import { markdownTable } from 'markdown-table'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { breakEvenText } from '../bench/lib/break-even.ts'
import { short, type BenchResult } from '../bench/lib/results.ts'
import { writeWhole } from '../ts/io/folder.node.ts'

const RESULTS = 'bench/results/break-even'
const PAGE = 'docs/break-even.md'

const table = (header: string[], rows: string[][]): string =>
  markdownTable([header, ...rows], { align: header.map((_, i) => (i === 0 ? 'l' : 'r')), alignDelimiters: false })

function section(file: string): string {
  const { machine, engine, rows, notes, ceilings, command, date } = JSON.parse(
    readFileSync(`${RESULTS}/${file}`, 'utf8'),
  ) as BenchResult
  const cpu = ceilings.cpu!
  const noisy = rows.filter((row) => row.noisy).length
  return [
    `## ${machine.class}, ${date.slice(0, 10)}`,
    `\`${command}\` ([raw](../${RESULTS}/${file}))`,
    `${machine.cpu}, ${machine.cores} cores; Node ${engine.node}, V8 ${engine.v8}; ${cpu.threads} thread${cpu.threads === 1 ? '' : 's'}. Ceilings probed in the same run: f32 ${short(Math.max(cpu.f32MulAdd, cpu.f32RelaxedMadd))}, int8 ${short(Math.max(cpu.int8DotI16, cpu.int8RelaxedDot))} Gop/s. Rows whose bursts were mostly disturbed by other work: ${noisy} of ${rows.length}.`,
    breakEvenText(rows, table),
    notes.map((note) => `- ${note}`).join('\n'),
  ].join('\n\n')
}

const HEAD = `# Break-even of sparse and low-rank layers

Made by \`npm run docs\` from \`${RESULTS}/*.json\`; do not edit.

Density is the share of a dense layer's multiply-adds that a storage
format does: of weights (\`csr\`), of 1x4 blocks along K
(\`int8-1x4\`), n / m (\`n:m\`), R (N + K) / (N K) (\`low-rank\`, two f32 factors). All are random weights of one
shape, checked against float64 and then timed in turns in one process. A break-even lies on the line between the two
densities measured around it, and counts only where every lower density is faster too; "above" and "below" say that it
lies outside what was measured. There is no f32 kernel for 1x4 blocks.

How a budget uses this: \`compress --budget 3ms\` does not read the page. It measures the same programs
(\`ts/budget/linear-times.ts\`) at the model's own shapes, tokens and threads, on the machine it runs on, so its times are
these curves' points for that model. A format that is slower than dense f32 there is never taken by a limit in ms, since
f32 costs less and has error 0. A limit in bytes asks no clock for its choice, and may take one: the chosen formats are
timed afterwards, and the command names those that are slower than dense f32, with the strength at which their kind
breaks even there.`

const files = existsSync(RESULTS) ? readdirSync(RESULTS).filter((name) => name.endsWith('.json')) : []
if (files.length === 0) throw new Error(`${RESULTS} holds no results; run bench break-even first`)
const text = `${[HEAD, ...files.sort().map(section)].join('\n\n')}\n`
if (!process.argv.includes('--check')) await writeWhole(PAGE, [text])
else if (!existsSync(PAGE) || readFileSync(PAGE, 'utf8') !== text) throw new Error(`${PAGE} is stale; run npm run docs`)
