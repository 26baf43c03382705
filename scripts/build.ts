// npm run build: generated modules, then dist/ (ES modules and declarations).

import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import './generate.ts'

rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
chmodSync('dist/ts/cli/main.js', 0o755)
