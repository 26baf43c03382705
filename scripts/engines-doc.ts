// README's table of engines from bench/results/engines/*.json. With --check it writes nothing and fails where it is stale.

import { ENGINES } from '../testing/engines/engines.ts'
import { readResults, tableOf } from '../testing/engines/table.ts'
import { writeMarkedPart } from './marked-part.ts'

const results = readResults(ENGINES.map(({ name }) => name))
const classes = [...new Set(results.map(({ machine }) => machine.class))].sort().join(', ')
const words = `What \`npm run engines -- --write\` found on Linux x64 (${classes}; [raw](bench/results/engines)): the integers of every storage format against the reference, the logits of a small model in each, and, where a row says so, the kernel tests themselves ([docs/trust.md](docs/trust.md)) on so many of their devices: builds, threads and tiles of WebAssembly, direct and tiled kernels of WebGPU. Which dot product is exact for int8 is the processor's as much as the engine's.`
await writeMarkedPart('README.md', 'engines', `${words}\n\n${tableOf(results)}`, 'bench/results/engines')
