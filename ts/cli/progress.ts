// Progress on stderr, with the time left: a bar on a terminal; elsewhere, where a log may be read, a line a stage and one
// every half minute.

import cliProgress from 'cli-progress'
import type { Reporter } from '../inference/reporter.ts'

/** Stages shorter than this never show a bar. */
const SHOW_AFTER_MS = 700
/** Between lines of progress where there is no terminal. */
const LINE_EVERY_MS = 30_000

const duration = (seconds: number): string =>
  seconds >= 90
    ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
    : `${Math.max(0, Math.round(seconds))} s`

/** Draws to `stream`; nothing at all where `quiet`. */
export function createProgress(stream: NodeJS.WriteStream = process.stderr, quiet = false): Reporter {
  let name = ''
  let started = 0
  let lined = 0
  let bar: cliProgress.SingleBar | null = null
  const line = (text: string): void => {
    if (!quiet) stream.write(`${text}\n`)
  }
  const stopBar = (): void => {
    bar?.stop()
    bar = null
  }
  return {
    stage(text) {
      stopBar()
      name = text
      started = performance.now()
      lined = started
      if (!stream.isTTY) line(`${text} ...`)
    },
    progress(done, total, secondsLeft, detail) {
      const elapsed = performance.now() - started
      if (quiet || total <= 0 || elapsed < SHOW_AFTER_MS) return
      const seconds = secondsLeft ?? (done > 0 ? ((elapsed / 1000) * (total - done)) / done : undefined)
      const left = seconds === undefined ? '' : `${duration(seconds)} left`
      if (!stream.isTTY) {
        if (performance.now() - lined < LINE_EVERY_MS) return
        lined = performance.now()
        line(`  ${[`${Math.floor((100 * done) / total)} %`, left, detail].filter(Boolean).join(', ')}`)
        return
      }
      const payload = { name, left, detail: detail ?? '' }
      if (!bar) {
        bar = new cliProgress.SingleBar(
          {
            format: '{name} {bar} {percentage}% {left} {detail}',
            hideCursor: true,
            clearOnComplete: true,
            stream,
            fps: 8,
          },
          cliProgress.Presets.shades_classic,
        )
        bar.start(total, done, payload)
      } else {
        bar.setTotal(total)
        bar.update(done, payload)
      }
    },
    note(text) {
      stopBar()
      line(`  ${text}`)
    },
    done(text) {
      stopBar()
      const took = duration((performance.now() - started) / 1000)
      if (stream.isTTY || text) line(`${stream.isTTY ? `${name}: ` : '  '}${text ? `${text}, ` : ''}${took}`)
    },
  }
}
