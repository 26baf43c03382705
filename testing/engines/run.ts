// Run by Node, Bun and Deno, as bundle.ts makes it: prints the answer as the last line. Arguments are names of devices.

import { runChecks } from './checks.ts'
import { runSweep } from './sweep.ts'

const { bun, deno, node, v8 } = process.versions as Record<string, string | undefined>
const engine = bun
  ? `Bun ${bun}`
  : deno
    ? `Deno ${deno}`
    : `Node ${node} (V8 ${v8}), ${process.platform}-${process.arch}`
const wanted = process.argv.slice(2)
const checks = await runChecks()
const sweep = await runSweep(() => {}, wanted.length > 0 ? wanted : undefined)
process.stdout.write(`\n${JSON.stringify({ engine, ...checks, sweep })}\n`)
process.exit(0)
