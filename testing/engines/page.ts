// Run by browsers: leaves the answer at `result`.

import { runChecks } from './checks.ts'

const page = globalThis as { result?: string }
runChecks(navigator.userAgent).then(
  (answer) => (page.result = JSON.stringify(answer)),
  (error: unknown) => (page.result = JSON.stringify({ engine: navigator.userAgent, wasm: String(error), webgpu: '' })),
)
