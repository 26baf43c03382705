// Makes what the sources import and git does not keep: kernels/generated/{wasm,wasm-train,shaders}.ts.

import { buildWasm } from './build-wasm.ts'
import { embedShaders } from './embed-shaders.ts'

await Promise.all([buildWasm(), embedShaders()])
