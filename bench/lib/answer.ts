// What the parent (lib/remote.ts) may ask of a contender, and the answers: times and logits. Runs beside the contender, in
// a process of Node (lib/host.ts) or in a page (lib/page.ts).

import type { Contender, Description, ModelInput, Task } from './contender.ts'
import { burst, warmCalibration, type Burst } from './measure.ts'

export type Request =
  | { verb: 'prepare'; contender: string; task: Task }
  | { verb: 'first'; input: ModelInput }
  | { verb: 'logits'; input: ModelInput }
  | { verb: 'burst'; round: number; minMs: number; minRuns: number }
  | { verb: 'dispose' }

export type Reply =
  | { verb: 'prepare'; prepareMs: number }
  | { verb: 'first'; firstMs: number; logits: Float32Array; description: Description }
  | { verb: 'logits'; logits: Float32Array }
  | { verb: 'burst'; burst: Burst; gpuMs: number | null }
  | { verb: 'dispose' }
  | { verb: 'error'; message: string }

/** `open` makes the contender of a name. */
export function answerer(open: (contender: string) => Promise<Contender>): (request: Request) => Promise<Reply> {
  let contender: Contender | null = null
  return async (request) => {
    if (request.verb === 'prepare') {
      contender = await open(request.contender)
      const start = performance.now()
      await contender.prepare(request.task)
      return { verb: 'prepare', prepareMs: performance.now() - start }
    }
    if (!contender) throw new Error(`bench: '${request.verb}' before 'prepare'`)
    switch (request.verb) {
      case 'first': {
        await contender.feed(request.input)
        const start = performance.now()
        await contender.run()
        const firstMs = performance.now() - start
        warmCalibration()
        return { verb: 'first', firstMs, logits: await contender.finish(), description: contender.describe() }
      }
      case 'logits':
        await contender.feed(request.input)
        await contender.run()
        return { verb: 'logits', logits: await contender.finish() }
      case 'burst': {
        const running = contender
        const timed = await burst(request.round, () => running.run(), request)
        return { verb: 'burst', burst: timed, gpuMs: (await running.gpuMs?.()) ?? null }
      }
      case 'dispose':
        await contender.dispose()
        contender = null
        return { verb: 'dispose' }
    }
  }
}

export function failure(error: unknown): Reply {
  return { verb: 'error', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}
