// How requests reach a contender's process and replies come back.

import { fork, spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Reply, Request } from './answer.ts'
import { replyOf, toJson } from './json.ts'

export interface Channel {
  /** true where the contender's own calibration loop is not the parent's: then the parent runs its own loop before and after each burst */
  foreign: boolean
  /** CPU time of the contender so far, where it cannot tell by itself; null where nobody can */
  cpuMs?(): number | null
  send(request: Request): void
  /** `ended` is told once, with how the process ended */
  listen(reply: (reply: Reply) => void, ended: (how: string) => void): void
  kill(): void
}

const endOf = (code: number | null, signal: string | null): string => (signal ? `signal ${signal}` : `code ${code}`)

/** A Node process that runs lib/host.ts, with these options of Node and V8. */
export function nodeChannel(execArgv: string[] = []): Channel {
  const child = fork(fileURLToPath(new URL('./host.ts', import.meta.url)), [], {
    execArgv: [...process.execArgv, ...execArgv],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  return {
    foreign: false,
    send: (request) => void child.send(request),
    listen(reply, ended) {
      child.on('message', reply)
      child.on('exit', (code, signal) => ended(endOf(code, signal)))
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

/** Last lines of stderr that go into the message where a process ends by itself. */
const KEPT = 2000

/** A Python process that runs `script`, a request and a reply a line. The interpreter is $PYTHON, or python3. */
export function pythonChannel(script: string): Channel {
  const python = process.env.PYTHON ?? 'python3'
  const child: ChildProcess = spawn(python, ['-u', fileURLToPath(new URL(script, import.meta.url))], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-KEPT)))
  // A process that is gone is told by its end.
  child.stdin!.on('error', () => {})
  return {
    foreign: true,
    send: (request) => void child.stdin!.write(`${toJson(request)}\n`),
    listen(reply, ended) {
      createInterface({ input: child.stdout! }).on('line', (line) => reply(replyOf(line)))
      child.on('error', (error) => ended(`no start: ${error.message}; set PYTHON to an interpreter`))
      child.on('close', (code, signal) => {
        const said = errors.trim().split('\n').at(-1)
        ended(endOf(code, signal) + (code !== 0 && said ? `: ${said}` : ''))
      })
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
