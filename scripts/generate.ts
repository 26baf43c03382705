// Makes what the sources import and git does not keep, kernels/generated/{wasm,wasm-train,shaders}.ts, and the AssemblyScript
// that is made from TypeScript, which git keeps: with --check that fails where it is out of date.

import { buildWasm } from './build-wasm.ts'
import { embedShaders } from './embed-shaders.ts'
import { generateAssembly } from './generate-assembly.ts'

generateAssembly(process.argv.includes('--check'))
await Promise.all([buildWasm(), embedShaders()])
