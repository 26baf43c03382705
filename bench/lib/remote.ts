// The parent's side of a contender process.

import type { Channel } from './channel.ts'
import type { LinearTask, ModelInput, Task, TextsInput, TextsTask } from './contender.ts'
import type { Reply, Request } from './answer.ts'
import { calibrate } from './measure.ts'

type Answer<V extends Request['verb']> = Extract<Reply, { verb: V }>

export class RemoteContender {
  readonly name: string
  #channel: Channel
  #pending: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | null = null
  #exit: string | null = null
  #ended: Promise<void>

  constructor(name: string, channel: Channel) {
    this.name = name
    this.#channel = channel
    this.#ended = new Promise((resolve) =>
      channel.listen(
        (reply) => {
          const pending = this.#pending
          this.#pending = null
          if (reply.verb === 'error') pending?.reject(new Error(`${name}: ${reply.message}`))
          else pending?.resolve(reply)
        },
        (how) => {
          this.#exit ??= how
          this.#pending?.reject(new Error(`${name}: its process ended with ${how}`))
          this.#pending = null
          resolve()
        },
      ),
    )
  }

  async #ask<V extends Request['verb']>(request: Extract<Request, { verb: V }>): Promise<Answer<V>> {
    if (this.#exit !== null) throw new Error(`${this.name}: its process ended with ${this.#exit}`)
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#channel.send(request)
    })
    return reply as Answer<V>
  }

  /** Loads the model; `contender` is a name out of CONTENDERS. */
  prepare(contender: string, task: Task | LinearTask | TextsTask): Promise<Answer<'prepare'>> {
    return this.#ask({ verb: 'prepare', contender, task })
  }

  /** The first run ever: compilation, lazy allocation and all. */
  first(input: ModelInput | TextsInput | null): Promise<Answer<'first'>> {
    return this.#ask({ verb: 'first', input })
  }

  async output(input: ModelInput | TextsInput | null): Promise<Float32Array> {
    return (await this.#ask({ verb: 'output', input })).output
  }

  async burst(round: number, minMs: number, minRuns: number): Promise<Answer<'burst'>> {
    const request = { verb: 'burst' as const, round, minMs, minRuns }
    if (!this.#channel.foreign) return this.#ask(request)
    const before = calibrate()
    const [cpu, start] = [this.#channel.cpuMs?.() ?? null, performance.now()]
    const answer = await this.#ask(request)
    const elapsedMs = performance.now() - start
    const used = cpu === null ? null : (this.#channel.cpuMs?.() ?? null)
    const cpuShare = cpu === null || used === null ? answer.burst.cpuShare : (used - cpu) / elapsedMs
    return { ...answer, burst: { ...answer.burst, cpuShare, calibrationMs: Math.max(before, calibrate()) } }
  }

  /** Ends the process; one that does not answer within five seconds is killed. */
  async dispose(): Promise<void> {
    if (this.#exit !== null) return
    const timer = setTimeout(() => this.#channel.kill(), 5000)
    await this.#ask({ verb: 'dispose' }).catch(() => this.#channel.kill())
    await this.#ended
    clearTimeout(timer)
  }
}
