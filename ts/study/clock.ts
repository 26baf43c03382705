// Who of a study gets how much of its minutes. Trainings and rounds of timing take what they are given; scoring, floors and
// cold starts take what they take, which is known only as the study goes on. So the shares of what is flexible are set again
// before each piece, by how slow the fixed work has been until then: a slow or busy machine trains less and times fewer rounds,
// and makes all rows.

import type { RowPlan } from './catalogue.ts'

/** One piece of the work. Both numbers are shares of the whole study, as two free cores of 2024 have them. */
export interface Piece {
  id: string
  /** work that is the same however long it takes */
  fixed: number
  /** what it may take beyond */
  flexible: number
  /** of that, what it is given however late it is; 0.1: a row that is not trained at all would be another row */
  least?: number
}

const LEAST = 0.1
/** All rows are made of it: without a baseline that has learned something they are worth nothing. */
const LEAST_BASELINE = 0.5
/** Work as planned that the estimate of the machine's speed begins with: one slow piece does not decide it. */
const PRIOR = 0.02

export class StudyClock {
  readonly #seconds: number
  readonly #now: () => number
  readonly #began: number
  readonly #open: Map<string, Piece>
  /** shares of fixed work that are done */
  #fixedDone = 0
  /** seconds that flexible work has taken */
  #flexed = 0

  /**
   * @param seconds of the whole study
   * @param pieces all of its work, none twice
   * @param options now: seconds of a clock; began: when, by that clock
   */
  constructor(
    seconds: number,
    pieces: Piece[],
    { now = () => performance.now() / 1000, began = now() }: { now?: () => number; began?: number } = {},
  ) {
    this.#seconds = seconds
    this.#open = new Map(pieces.map((piece) => [piece.id, { ...piece }]))
    this.#now = now
    this.#began = began
  }

  /** Seconds since the study began. */
  elapsed(): number {
    return this.#now() - this.#began
  }

  /** A note where the study took longer than it was asked to; '' where it did not. */
  overrun(): string {
    const took = this.elapsed()
    if (took <= this.#seconds) return ''
    const [asked, found] = [this.#seconds, took].map((seconds) => (seconds / 60).toFixed(1))
    return `the study took ${found} minutes instead of ${asked}: scoring alone and the least that is trained and timed take longer on this machine as it was`
  }

  /** Seconds that the flexible part of an open piece may take from now on; its fixed part is over. */
  grant(id: string): number {
    const piece = this.#open.get(id)
    if (!piece) throw new Error(`study: ${id} has no share of the time, or is done`)
    this.#fixedDone += piece.fixed
    piece.fixed = 0
    let [fixed, flexible] = [0, 0]
    for (const open of this.#open.values()) {
      fixed += open.fixed
      flexible += open.flexible
    }
    const left = 1 - this.elapsed() / this.#seconds - this.#slowness() * fixed
    const share = Math.min(1, left / flexible)
    return this.#seconds * piece.flexible * Math.max(piece.least ?? LEAST, share)
  }

  /** Flexible work of so many seconds is over. */
  spend(seconds: number): void {
    this.#flexed += seconds
  }

  /** A piece is over, if it is not already. @param wasThere it was made by an earlier run: it tells nothing of the machine */
  done(id: string, wasThere = false): void {
    const piece = this.#open.get(id)
    if (!piece) return
    if (!wasThere) this.#fixedDone += piece.fixed
    this.#open.delete(id)
  }

  /** Fixed work takes so many times what is planned. */
  #slowness(): number {
    return (this.elapsed() - this.#flexed + PRIOR * this.#seconds) / (this.#seconds * (this.#fixedDone + PRIOR))
  }
}

/** Fixed work of shaping a row, by the kind of its first step, beside that of every row. */
const SHAPING: [RegExp, number][] = [
  [/^heads/, 0.05],
  [/:R/, 0.012],
]
const PLAIN_SHAPING = 0.006
/** Storing and scoring one row. */
const ROW = 0.007
/** Of all rows that are trained again together. */
const TUNING = 0.24

/** Name of the piece that shapes and trains a row, which rows of the same shape share. */
export const shapingOf = ({ base, shape }: Pick<RowPlan, 'base' | 'shape'>): string => `${base}/${shape}`

/** The work of a study of these rows. */
export function studyPieces(plans: readonly RowPlan[], devices: readonly ('cpu' | 'gpu')[]): Piece[] {
  const shapes = new Map(plans.filter(({ shape }) => shape !== '').map((plan) => [shapingOf(plan), plan.shape]))
  const piece = (id: string, fixed: number, flexible = 0): Piece => ({ id, fixed, flexible })
  const pieces = [
    { ...piece('baseline', 0.05, 0.22), least: LEAST_BASELINE },
    piece('floors', 0.045),
    ...(plans.some(({ id }) => id === 'student') ? [piece('student', 0.02, 0.08)] : []),
    ...Array.from(shapes, ([id, shape]) =>
      piece(id, SHAPING.find(([kind]) => kind.test(shape))?.[1] ?? PLAIN_SHAPING, TUNING / shapes.size),
    ),
    ...plans.map(({ id }) => piece(`row ${id}`, ROW)),
    ...devices.map((kind) => piece(`times on the ${kind}`, kind === 'gpu' ? 0.06 : 0.03, 0.06 / devices.length)),
    ...devices.map((kind) => piece(`shapes on the ${kind}`, 0, 0.03 / devices.length)),
  ]
  const [fixed, flexible] = (['fixed', 'flexible'] as const).map((of) => pieces.reduce((sum, p) => sum + p[of], 0))
  // where few rows are asked for, their trainings have what the others would take
  const scale = (1 - fixed) / flexible
  return pieces.map((of) => ({ ...of, flexible: of.flexible * scale }))
}
