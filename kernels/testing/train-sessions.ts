// Training sessions for tests: every build, guard bands around every buffer, numbers of the reference copied in.

import type { Link, LossTarget } from '../train/batch.ts'
import type { Layout, TrainShape } from '../train/layout.ts'
import type { ReferenceParameters } from '../train/reference.ts'
import { TrainSession, type AdamW, type TrainSessionOptions } from '../train/session.ts'
import { syntheticGoal, vectorGoal, withoutLabel, withTeacherTerms } from './train-models.ts'

export const BUILDS: (TrainSessionOptions & { name: string })[] = [
  { name: 'relaxed, 1 thread', build: 'relaxed', threads: 1 },
  { name: 'relaxed, 2 threads', build: 'relaxed', threads: 2 },
  { name: 'relaxed, 3 threads', build: 'relaxed', threads: 3 },
  { name: 'baseline, 1 thread', build: 'baseline', threads: 1 },
  { name: 'baseline, 2 threads', build: 'baseline', threads: 2 },
]

export const ADAM: AdamW = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clipNorm: 0.5,
}

/** What a training step is given, beside weights and tokens. */
export interface GoalPlan {
  shape: TrainShape
  lengths: number[]
  hasTeacher: boolean
  /** softmax where not given */
  link?: Link
  /** logits and hidden states of a teacher, and a sequence without a label */
  hasTerms?: boolean
}

export function goalOf({ shape, lengths, hasTeacher, link, hasTerms }: GoalPlan): LossTarget {
  if (shape.vectors) return vectorGoal(shape, lengths, 3)
  const goal = syntheticGoal(shape.labels, lengths.length, 3, hasTeacher, link)
  const tokens = lengths.reduce((sum, T) => sum + T, 0)
  return hasTerms ? withoutLabel(withTeacherTerms(goal, shape, tokens, 4), shape.labels, 1) : goal
}

/** A guarded session with these numbers, as f32. */
export async function openSession(
  layout: Layout,
  { words, rest }: ReferenceParameters,
  options: TrainSessionOptions,
): Promise<TrainSession> {
  const session = await TrainSession.create(layout.shape, { ...options, guard: true })
  session.setParameters({ words: Float32Array.from(words), rest: Float32Array.from(rest) })
  return session
}

/** Largest magnitude. */
export function largest(values: ArrayLike<number>): number {
  let most = 0
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]))
  return most
}
