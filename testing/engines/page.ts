// Run by browsers: leaves the answer at `result`, and before that what is under way at `underWay`.

import { runChecks } from './checks.ts'
import { runSweep } from './sweep.ts'

const page = globalThis as { result?: string; underWay?: string }
const heard = (what: string): void => void (page.underWay = what)

async function run(): Promise<void> {
  const engine = navigator.userAgent
  try {
    const wanted = new URLSearchParams(location.search).getAll('device')
    const checks = await runChecks()
    const sweep = await runSweep(heard, wanted.length > 0 ? wanted : undefined)
    page.result = JSON.stringify({ engine, ...checks, sweep })
  } catch (error) {
    page.result = JSON.stringify({ engine, wasm: String(error), webgpu: String(error), sweep: [] })
  }
}

void run()
