// A server that a project brings, on a port that is free.

import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** Starts `command start` and waits until it says that it is ready. */
export async function startServer(command: string, cwd: string): Promise<{ url: string; close(): Promise<void> }> {
  const port = await freePort()
  const child = spawn(command, ['start', '--port', String(port), '--hostname', '127.0.0.1'], { cwd, detached: true })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server is not ready after 60 s: ${said}`)), 60_000)
    const hear = (text: Buffer): void => {
      said += text.toString()
      if (!/ready/i.test(said)) return
      clearTimeout(timer)
      resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    void ended.then(() => reject(new Error(`the server ended: ${said}`)))
  })
  return {
    url: `http://127.0.0.1:${port}/`,
    close: async () => {
      // the server has processes of its own
      process.kill(-child.pid!, 'SIGTERM')
      await ended
    },
  }
}
