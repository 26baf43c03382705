// npm run build: generated modules, then dist/ (ES modules and declarations). The command line is built apart, without
// declarations: nobody imports it, and the inferred types of its options are too large to write out.

import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import './generate.ts'

rmSync('dist', { recursive: true, force: true })
for (const project of ['tsconfig.build.json', 'tsconfig.cli.json'])
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], { stdio: 'inherit' })
chmodSync('dist/ts/cli/main.js', 0o755)
