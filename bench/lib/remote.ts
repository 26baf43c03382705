// The parent's side of a contender process.

import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ModelInput, Task } from './contender.ts'
import type { Reply, Request } from './host.ts'

type Answer<V extends Request['verb']> = Extract<Reply, { verb: V }>

export class RemoteContender {
  readonly name: string
  #child: ChildProcess
  #pending: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | null = null
  #exit: string | null = null

  constructor(name: string) {
    this.name = name
    this.#child = fork(fileURLToPath(new URL('./host.ts', import.meta.url)), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#child.on('message', (reply: Reply) => {
      const pending = this.#pending
      this.#pending = null
      if (reply.verb === 'error') pending?.reject(new Error(`${name}: ${reply.message}`))
      else pending?.resolve(reply)
    })
    this.#child.on('exit', (code, signal) => {
      this.#exit = signal ? `signal ${signal}` : `code ${code}`
      this.#pending?.reject(new Error(`${name}: its process ended with ${this.#exit}`))
      this.#pending = null
    })
  }

  async #ask<V extends Request['verb']>(request: Extract<Request, { verb: V }>): Promise<Answer<V>> {
    if (this.#exit !== null) throw new Error(`${this.name}: its process ended with ${this.#exit}`)
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#child.send(request)
    })
    return reply as Answer<V>
  }

  /** Loads the model; `contender` names a module of CONTENDERS. */
  prepare(contender: string, task: Task): Promise<Answer<'prepare'>> {
    return this.#ask({ verb: 'prepare', contender, task })
  }

  /** The first run ever: compilation, lazy allocation and all. */
  first(input: ModelInput): Promise<Answer<'first'>> {
    return this.#ask({ verb: 'first', input })
  }

  async logits(input: ModelInput): Promise<Float32Array> {
    return (await this.#ask({ verb: 'logits', input })).logits
  }

  burst(round: number, minMs: number, minRuns: number): Promise<Answer<'burst'>> {
    return this.#ask({ verb: 'burst', round, minMs, minRuns })
  }

  /** Ends the process; one that does not answer within five seconds is killed. */
  async dispose(): Promise<void> {
    if (this.#exit !== null) return
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    await this.#ask({ verb: 'dispose' }).catch(() => this.#child.kill('SIGKILL'))
    await ended
    clearTimeout(timer)
  }
}
