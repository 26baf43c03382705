// The child process of one contender: does what the parent (lib/remote.ts) asks and answers with times and logits.

import { CONTENDERS, type Contender, type Description, type ModelInput, type Task } from './contender.ts'
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

let contender: Contender | null = null

async function answer(request: Request): Promise<Reply> {
  if (request.verb === 'prepare') {
    const module = (await import(CONTENDERS[request.contender])) as { createContender: () => Contender }
    contender = module.createContender()
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

process.on('message', (request: Request) => {
  void answer(request)
    .catch((error: unknown): Reply => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return { verb: 'error', message }
    })
    .then((reply) => {
      process.send?.(reply, undefined, undefined, () => {
        if (reply.verb === 'dispose') process.exit(0)
      })
    })
})
// A parent that dies takes its contenders along.
process.on('disconnect', () => process.exit(1))
