// What the parent (lib/remote.ts) may ask of a contender, and the answers: times and logits. Runs beside the contender, in
// a process of Node (lib/host.ts) or in a page (lib/page.ts).

import type { Contender, Description, LinearTask, ModelInput, Task, TextsInput, TextsTask } from './contender.ts'
import { burst, warmCalibration, type Burst } from './measure.ts'

export type Request =
  | { verb: 'prepare'; contender: string; task: Task | LinearTask | TextsTask }
  | { verb: 'first'; input: ModelInput | TextsInput | null }
  | { verb: 'output'; input: ModelInput | TextsInput | null }
  | { verb: 'burst'; round: number; minMs: number; minRuns: number }
  | { verb: 'dispose' }

export type Reply =
  | { verb: 'prepare'; prepareMs: number }
  | { verb: 'first'; firstMs: number; output: Float32Array; description: Description }
  | { verb: 'output'; output: Float32Array }
  | { verb: 'burst'; burst: Burst; gpuMs: number | null }
  | { verb: 'dispose' }
  | { verb: 'error'; message: string }

/** Of a model or of a layer: who opens a contender sends it tasks and inputs of its own kind. */
export type AnyContender = Contender<never, never>

/** `open` makes the contender of a name. */
export function answerer(open: (contender: string) => Promise<AnyContender>): (request: Request) => Promise<Reply> {
  let contender: AnyContender | null = null
  return async (request) => {
    if (request.verb === 'prepare') {
      contender = await open(request.contender)
      const start = performance.now()
      await contender.prepare(request.task as never)
      return { verb: 'prepare', prepareMs: performance.now() - start }
    }
    if (!contender) throw new Error(`bench: '${request.verb}' before 'prepare'`)
    switch (request.verb) {
      case 'first': {
        await contender.feed(request.input as never)
        const start = performance.now()
        await contender.run()
        const firstMs = performance.now() - start
        warmCalibration()
        return { verb: 'first', firstMs, output: await contender.finish(), description: contender.describe() }
      }
      case 'output':
        await contender.feed(request.input as never)
        await contender.run()
        return { verb: 'output', output: await contender.finish() }
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
