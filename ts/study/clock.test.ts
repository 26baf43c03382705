import { describe, expect, it } from 'vitest'
import { ROWS, selectRows, type RowPlan } from './catalogue.ts'
import { shapingOf, StudyClock, studyPieces, type Piece } from './clock.ts'

const TOTAL = 540

interface Run {
  clock: StudyClock
  /** seconds of the whole */
  took: number
  /** what each flexible piece was given, by id */
  given: Map<string, number>
}

/** As a study comes to them: a shape, and the student, where the first row needs it. */
function inOrder(plans: RowPlan[], pieces: Piece[]): Piece[] {
  const ids = new Set(['baseline', 'floors'])
  for (const plan of plans) ids.add(plan.base).add(shapingOf(plan)).add(`row ${plan.id}`)
  const order = [...ids]
  const place = ({ id }: Piece): number => (ids.has(id) ? order.indexOf(id) : order.length)
  return pieces.sort((a, b) => place(a) - place(b))
}

/**
 * A study on a machine that needs `slow(seconds since it began)` times the planned time for fixed work, and takes all the time
 * that it is given for the rest.
 */
function run(slow: (at: number) => number, { rows = 'all', from = '' } = {}): Run {
  let now = 1000
  const plans = selectRows(rows)
  const pieces = inOrder(plans, studyPieces(plans, ['cpu', 'gpu']))
  const clock = new StudyClock(TOTAL, pieces, { now: () => now })
  const given = new Map<string, number>()
  let isThere = from !== ''
  for (const { id, fixed, flexible } of pieces) {
    if (id === from) isThere = false
    if (isThere) {
      clock.done(id, true)
      continue
    }
    for (let i = 0; i < 100; i++) now += (fixed / 100) * TOTAL * slow(now - 1000)
    if (flexible > 0) {
      given.set(id, clock.grant(id))
      now += given.get(id)!
      clock.spend(given.get(id)!)
    }
    clock.done(id)
  }
  return { clock, took: now - 1000, given }
}

describe('the clock of a study', () => {
  it('shares the whole among all rows where the machine is as fast as planned', () => {
    const { clock, took, given } = run(() => 1)
    expect(took).toBeCloseTo(TOTAL, 6)
    expect(clock.overrun()).toBe('')
    expect(given.get('baseline')!).toBeGreaterThan(0.17 * TOTAL)
    const shapes = new Set(ROWS.filter(({ shape }) => shape !== '').map(shapingOf))
    expect(shapes.size).toBe(8)
    for (const shape of shapes) expect(given.get(shape)).toBeGreaterThan(0.02 * TOTAL)
  })

  it.each([
    ['faster than planned', () => 0.4],
    ['nearly half as fast', () => 1.8],
    ['slower as it goes', (at: number) => 1 + at / 900],
    ['disturbed for two minutes', (at: number) => (at > 60 && at < 180 ? 3 : 1)],
    ['slow at first', (at: number) => (at < 100 ? 4 : 1)],
  ])('ends in time on a machine that is %s', (_, slow) => {
    const { took, given } = run(slow)
    expect(took).toBeLessThanOrEqual(TOTAL * 1.01)
    for (const seconds of given.values()) expect(seconds).toBeGreaterThan(0)
  })

  it('leaves each piece a tenth of its share where the fixed work alone takes all of the time', () => {
    const planned = run(() => 1)
    const { clock, took, given } = run(() => 6)
    for (const [id, seconds] of given) expect(seconds).toBeGreaterThanOrEqual(0.1 * planned.given.get(id)! - 1e-9)
    expect(took).toBeGreaterThan(TOTAL)
    expect(clock.overrun()).toMatch(/^the study took \d+\.\d minutes instead of 9\.0: /)
  })

  it('gives few rows what the others would take', () => {
    const { took, given } = run(() => 1, { rows: 'baseline' })
    expect(took).toBeCloseTo(TOTAL, 6)
    expect(given.get('baseline')!).toBeGreaterThan(TOTAL / 2)
  })

  it('gives no more to what is left where a study goes on', () => {
    const planned = run(() => 1)
    const { took, given } = run(() => 1, { from: 'row student' })
    expect(took).toBeLessThan(TOTAL)
    for (const [id, seconds] of given) expect(seconds).toBeLessThanOrEqual(planned.given.get(id)! + 1e-9)
  })

  it('has no time for what is not planned', () => {
    expect(() => new StudyClock(TOTAL, []).grant('baseline')).toThrow('baseline has no share of the time, or is done')
  })
})
