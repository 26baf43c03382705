import { expect, it } from 'vitest'
import { SMALL } from '../../testing/models.ts'
import { initializeModel } from '../train.ts'
import type { TrainState } from './state.ts'
import type { Reporter } from '../inference/reporter.ts'
import { trainWithin, type TrainingPlan } from './within-time.ts'

const quiet: Reporter = { stage: () => {}, progress: () => {}, note: () => {}, done: () => {} }
const model = initializeModel(SMALL, 1)
const examples = Array.from({ length: 24 }, (_, i) => ({ ids: Int32Array.of(2, 4 + (i % 30), 3), label: i % 2 }))
const PLAN: TrainingPlan = { epochs: 4, seconds: 600, batch: 4, learningRate: 1e-3, seed: 1, threads: 1 }

it.each<{ what: string; plan: Partial<TrainingPlan>; steps: number; texts: number }>([
  { what: 'batches', plan: {}, steps: 24, texts: 4 },
  { what: 'several batches an update', plan: { more: { accumulate: 3 } }, steps: 8, texts: 12 },
  { what: 'batches larger than the data', plan: { batch: 100 }, steps: 4, texts: 24 },
])('reads the examples as often as planned: $what', async ({ plan, steps, texts }) => {
  const trained = await trainWithin(model, examples, { ...PLAN, ...plan }, quiet)
  expect(trained.steps).toBe(steps)
  expect(trained.words).toMatch(new RegExp(`^${steps} steps of ${texts} texts \\(4.0 epochs\\) in \\d+ s$`))
})

it('keeps to steps or clock where it goes on, however fast the machine is then', async () => {
  const states: TrainState[] = []
  const save = (state: TrainState): Promise<void> => Promise.resolve(void states.push(state))
  await trainWithin(model, examples, { ...PLAN, more: { checkpoint: { steps: 8, save } } }, quiet)
  const goOn = (resume: TrainState, seconds: number) =>
    trainWithin(model, examples, { ...PLAN, seconds, more: { resume } }, quiet)
  const [state] = states
  expect(state).toMatchObject({ step: 8, isClocked: false })
  expect((await goOn(state, 1e-3)).steps).toBe(24)
  expect((await goOn({ ...state, isClocked: true, seconds: 700 }, 600)).words).toMatch(/^8 steps .* ended by the clock/)
})
