// What a classifier must pass to be worth its size: always the most frequent class, naive Bayes, and logistic regression on
// words and characters, trained on the same texts and scored on the same ones.

import { createRandom } from '../../kernels/program/random.ts'
import type { LabelledText } from '../data/examples.ts'
import { trainLogisticRegression } from './logistic-regression.ts'
import { trainNaiveBayes } from './naive-bayes.ts'
import { METRIC_NAMES, scorePredictions, type Measures, type Metric } from './statistics.ts'

export const FLOORS = ['majority', 'naive-bayes', 'logistic-regression'] as const
export type FloorId = (typeof FLOORS)[number]

/** A floor's measures, as results.json holds them. */
export interface Floor extends Measures {
  id: FloorId
}

export interface MeasuredFloor extends Floor {
  /** class of each text */
  predictions: number[]
}

/** A floor as results.json holds it. */
export const withoutPredictions = ({ predictions: _, ...floor }: MeasuredFloor): Floor => floor

export const FLOOR_NAMES: Record<FloorId, string> = {
  majority: 'always the most frequent class',
  'naive-bayes': 'naive Bayes',
  'logistic-regression': 'logistic regression',
}

export interface FloorOptions {
  /** number of classes; labels lie in [0, classes) */
  classes: number
  /** class that F1 is of, as in `scores` */
  positive: number | null
  seed: number
  /** what there is between two of them: a chance for the caller's timers, and to stop */
  pause?: () => Promise<void>
}

/**
 * Trains the floors and scores them.
 * @throws where there is nothing to train on or to score
 */
export async function measureFloors(
  train: LabelledText[],
  test: LabelledText[],
  { classes, positive, seed, pause = nextTurn }: FloorOptions,
): Promise<MeasuredFloor[]> {
  const expected = test.map(({ label }) => label)
  const makers: Record<FloorId, () => { classify(text: string): number }> = {
    majority: () => alwaysMajority(train, classes),
    'naive-bayes': () => trainNaiveBayes(train, classes),
    'logistic-regression': () => trainLogisticRegression(train, classes, { seed }),
  }
  const floors: MeasuredFloor[] = []
  for (const id of FLOORS) {
    const classifier = makers[id]()
    const predictions = test.map(({ text }) => classifier.classify(text))
    const { accuracy, f1, macroF1, mcc } = scorePredictions(expected, predictions, classes, positive)
    floors.push({ id, accuracy, f1, macroF1, mcc, predictions })
    await pause()
  }
  return floors
}

/** Parts that the texts are cut into where there are no others to train the floors on. */
export const FOLDS = 5

/**
 * The floors of texts that stand alone: each fifth is said by floors that were trained on the other four.
 * @throws where there are fewer texts than parts
 */
export async function crossValidatedFloors(rows: LabelledText[], options: FloorOptions): Promise<Floor[]> {
  if (rows.length < FOLDS) throw new Error(`floors: ${rows.length} texts; expected at least ${FOLDS}`)
  const { classes, positive, seed } = options
  const order = createRandom(seed, 'floors').shuffle([...rows])
  const predictions = new Map<FloorId, number[]>(FLOORS.map((id) => [id, []]))
  const expected: number[] = []
  for (let fold = 0; fold < FOLDS; fold++) {
    const [train, test] = [order.filter((_, i) => i % FOLDS !== fold), order.filter((_, i) => i % FOLDS === fold)]
    for (const { label } of test) expected.push(label)
    for (const floor of await measureFloors(train, test, options))
      for (const prediction of floor.predictions) predictions.get(floor.id)!.push(prediction)
  }
  return FLOORS.map((id) => {
    const { accuracy, f1, macroF1, mcc } = scorePredictions(expected, predictions.get(id)!, classes, positive)
    return { id, accuracy, f1, macroF1, mcc }
  })
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

function alwaysMajority(examples: LabelledText[], classes: number): { classify(text: string): number } {
  const counts = new Float64Array(classes)
  for (const { label } of examples) counts[label]++
  const most = counts.indexOf(Math.max(...counts))
  return { classify: () => most }
}

/** The floor that is best by a measure, the first of equals. */
export function bestFloor<F extends Floor>(floors: readonly F[], metric: Metric): F {
  if (floors.length === 0) throw new Error('floors: none were measured; expected at least one')
  return floors.reduce((best, floor) => (floor[metric] > best[metric] ? floor : best))
}

/** What is to be said first where a floor does better than a model; '' where none does. */
export function floorWarning(floors: readonly Floor[], model: Measures, metric: Metric): string {
  if (floors.length === 0) return ''
  const best = bestFloor(floors, metric)
  if (best[metric] <= model[metric]) return ''
  const who = best.id === 'majority' ? 'Always saying the most frequent class' : 'A linear model'
  const which = best.id === 'majority' ? '' : ` (${FLOOR_NAMES[best.id]})`
  return `${who} does better${which}: ${METRIC_NAMES[metric]} ${best[metric].toFixed(3)}, this model ${model[metric].toFixed(3)}`
}
