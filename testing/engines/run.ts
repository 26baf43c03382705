// Run by Node, Bun and Deno: prints the answer as the last line.

import { runChecks } from './checks.ts'

const { bun, deno, node, v8 } = process.versions as Record<string, string | undefined>
const engine = bun
  ? `Bun ${bun}`
  : deno
    ? `Deno ${deno}`
    : `Node ${node} (V8 ${v8}), ${process.platform}-${process.arch}`
process.stdout.write(`\n${JSON.stringify(await runChecks(engine))}\n`)
process.exit(0)
