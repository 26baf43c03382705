// docs/break-even.md from bench/results/break-even/*.json. With --check it writes nothing and fails where the page is stale.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { breakEven, type BreakEvenResult, type FormTimes } from '../bench/lib/break-even.ts'
import { percent } from '../bench/lib/results.ts'

const RESULTS = 'bench/results/break-even'
const PAGE = 'docs/break-even.md'
const RIVALS = ['f32', 'int8'] as const
const NAMES: Record<string, string> = {
  csr: 'sparse f32 (`csr`, step `sp`)',
  'int8-1x4': 'sparse int8 (`int8-1x4`, steps `sp…x4+q8`)',
  nm: 'n:m f32 (`nm`)',
  'low-rank': 'two f32 factors (`svd`, `tucker`)',
}

const table = (header: string[], rows: string[][]): string[] => [
  `| ${header.join(' | ')} |`,
  `|${header.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|`,
  ...rows.map((cells) => `| ${cells.join(' | ')} |`),
]

/** 'from 62 %', 'all' where the first share measured is faster, 'none' where the last is not. */
function words(forms: FormTimes[], name: string, rival: (typeof RIVALS)[number]): string {
  const share = breakEven(forms, name, rival)
  if (share === null) return 'none'
  const first = Math.min(...forms.filter((form) => form.name === name).map(({ saved }) => saved))
  return share === first ? `all (${percent(first)} up)` : `from ${percent(share)}`
}

function section(result: BreakEvenResult, file: string): string[] {
  const { layers, machine, engine, threads } = result
  const title = (i: number): string => `${layers[i].M} tokens, [${layers[i].N}, ${layers[i].K}]`
  const names = Object.keys(NAMES)
  const lines = [
    `## ${machine.class}, ${threads} thread${threads === 1 ? '' : 's'}, ${result.date.slice(0, 10)}`,
    '',
    `\`${result.command}\` ([raw](../${RESULTS}/${file})). ${machine.cpu}, ${machine.cores} cores, Node ${engine.node}; ${Object.entries(
      result.variants,
    )
      .map((variant) => variant.join(' '))
      .join(', ')}.`,
    '',
    'Share of multiply-adds left out from which a form is faster:',
    '',
    ...table(
      ['tokens, [N, K]', ...names.flatMap((name) => RIVALS.map((rival) => `${name} than ${rival}`))],
      layers.map(({ forms }, i) => [
        title(i),
        ...names.flatMap((name) => RIVALS.map((rival) => words(forms, name, rival))),
      ]),
    ),
    '',
    'Times as fast as dense f32 (as dense int8):',
    '',
  ]
  const columns = layers[0].forms.filter(({ saved }) => saved > 0)
  const ms = (i: number, name: string): number => layers[i].forms.find((form) => form.name === name)!.ms
  const header = ['form', 'left out', ...layers.map((_, i) => title(i))]
  const rows = columns.map(({ name, saved }, at) => [
    `\`${name}\``,
    percent(saved),
    ...layers.map(({ forms }, i) => {
      const form = forms.filter((f) => f.saved > 0)[at]
      return `${(ms(i, 'f32') / form.ms).toFixed(2)} (${(ms(i, 'int8') / form.ms).toFixed(2)})`
    }),
  ])
  const dense = ['`int8`, dense', '', ...layers.map((_, i) => (ms(i, 'f32') / ms(i, 'int8')).toFixed(2))]
  return [...lines, ...table(header, [dense, ...rows]), '']
}

function page(results: [file: string, result: BreakEvenResult][]): string {
  return [
    '# Break-even',
    '',
    'Made by `node scripts/break-even-doc.ts` from the files in `bench/results/break-even`.',
    '',
    'When is a compressed layer faster than the dense one it was made of? Every form runs the real kernels, eight layers of one shape in one run so that their weights come from where a model\'s come from, in turns with the others, medians. "left out" is the share of multiply-adds: zeros, or what a rank saves.',
    '',
    "`compress --budget` and `--max-loss --fastest` take no number from this page: they make the same measurement at the model's own shapes, tokens and threads on the machine they run on. Where time is the budget, a form that another one beats in both time and error is never chosen; where bytes are, a slower form can be.",
    '',
    ...results.flatMap(([file, result]) => section(result, file)),
  ].join('\n')
}

const files = existsSync(RESULTS) ? readdirSync(RESULTS).filter((name) => name.endsWith('.json')) : []
if (files.length === 0)
  throw new Error(`${RESULTS} holds no results; run npm run bench -- break-even --json FILE first`)
const text = page(
  files.sort().map((name) => [name, JSON.parse(readFileSync(`${RESULTS}/${name}`, 'utf8')) as BreakEvenResult]),
)
if (!process.argv.includes('--check')) writeFileSync(PAGE, text)
else if (!existsSync(PAGE) || readFileSync(PAGE, 'utf8') !== text) throw new Error(`${PAGE} is stale; run npm run docs`)
