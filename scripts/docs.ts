// npm run docs: writes the documents that are made from code. With --check it writes nothing and fails where one is stale.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { CONTRACTS } from '../kernels/contracts.ts'
import { WASM_VARIANTS, WEBGPU_VARIANTS } from '../kernels/variants.ts'

const check = process.argv.includes('--check')

async function put(path: string, text: string): Promise<void> {
  const wanted = await format(text, { ...(await resolveConfig(path)), filepath: path })
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) return
  if (check) throw new Error(`${path} is not what the code says: run npm run docs and commit it`)
  writeFileSync(path, wanted)
  console.log(`wrote ${path}`)
}

function kernelsReadme(): string {
  const operations = CONTRACTS.map((contract) => {
    const list = (items: string[]): string => items.map((item) => `- ${item}`).join('\n')
    const operands = Object.entries(contract.operands).map(([name, what]) => `- \`${name}\`: ${what}`)
    const variants = [...WASM_VARIANTS[contract.op], ...WEBGPU_VARIANTS[contract.op]].map(
      (v) => `| \`${v.backend}/${v.op}/${v.id}\` | ${v.needs} | ${v.wins} | ${v.status} |`,
    )
    return [
      `## [${contract.op}](${contract.op})`,
      `\`${contract.formula}\``,
      operands.join('\n'),
      `Requires:\n\n${list(contract.requires)}`,
      `Promises:\n\n${list(contract.promises)}`,
      `Range and error: ${contract.range}.`,
      `| variant | needs | wins | status |\n|---|---|---|---|\n${variants.join('\n')}`,
    ].join('\n\n')
  })
  return [
    '# Kernels',
    'Made by `npm run docs` from the `contract.ts` and `variants.ts` of each operation; do not edit.',
    'Letters: M rows (tokens), K inputs, N outputs, R rank, Z stored weights; B sequences, T tokens of one, C hidden size, H heads, D head size, F inner size.',
    ...operations,
    '',
  ].join('\n\n')
}

await put('kernels/README.md', kernelsReadme())
