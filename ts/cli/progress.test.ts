import { Writable } from 'node:stream'
import { afterEach, expect, it, vi } from 'vitest'
import { createProgress } from './progress.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** What a stream that is no terminal got. */
function log(quiet = false): { text: () => string; progress: ReturnType<typeof createProgress> } {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, next) {
      text += String(chunk)
      next()
    },
  }) as unknown as NodeJS.WriteStream
  return { text: () => text, progress: createProgress(stream, quiet) }
}

it('writes a line every half minute where there is no terminal, with the time left', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const { text, progress } = log()
  progress.stage('tucker')
  for (let step = 1; step <= 100; step++) {
    vi.advanceTimersByTime(1000)
    progress.progress(step, 200, undefined, 'loss 0.500')
  }
  progress.done('F1 0.9')
  expect(text()).toBe(
    [
      'tucker ...',
      '  15 %, 2 min 50 s left, loss 0.500',
      '  30 %, 2 min 20 s left, loss 0.500',
      '  45 %, 1 min 50 s left, loss 0.500',
      '  F1 0.9, 1 min 40 s',
      '',
    ].join('\n'),
  )
})

it('writes nothing where it is told to be quiet', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const { text, progress } = log(true)
  progress.stage('tucker')
  vi.advanceTimersByTime(60_000)
  progress.progress(1, 2)
  progress.note('a note')
  expect(text()).toBe('')
})
