// npm run build: generated modules, then dist/: a module and a declaration for each source, what other packages give
// (dist/vendor), and single files for pages without a bundler. --no-types leaves the declarations out.

import { chmodSync, rmSync } from 'node:fs'
import './generate.ts'
import { buildDeclarations } from './package/declarations.ts'
import { buildModules, buildSingleFiles } from './package/modules.ts'
import { buildVendor } from './package/vendor.ts'

const OUT = 'dist'

rmSync(OUT, { recursive: true, force: true })
await buildModules(OUT)
await buildVendor(`${OUT}/vendor`)
await buildSingleFiles(OUT)
if (!process.argv.includes('--no-types')) buildDeclarations(OUT)
chmodSync(`${OUT}/ts/cli/main.js`, 0o755)
