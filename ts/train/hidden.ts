// Distillation by hidden states: a teacher runs the same batch, and its states are what the student's are compared with.

import type { LossTarget, TrainBatch } from '../../kernels/train/batch.ts'
import {
  applicationsOf,
  tensorOf,
  type Layout,
  type StateMatch,
  type TrainShape,
  type VectorMatch,
} from '../../kernels/train/layout.ts'
import { TrainSession } from '../../kernels/train/session.ts'
import type { ModelWeights } from '../model/weights.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { parametersOf, shapeOfModel } from './convert.ts'

/**
 * Adds `weight` times the sum over pairs of the mean of (H_s W_p^T - H_t)^2, over the tokens of the batch and the C_t
 * numbers of the teacher's state: H_s [M, C_s], H_t [M, C_t] are what a layer gives out, W_p [C_t, C_s] is learned with
 * the student and dropped at the end.
 */
export interface HiddenOptions {
  /** dense f32 (densify a compressed one first), of the student's vocabulary */
  teacher: ModelWeights
  /** [state of the student, state of the teacher]; 0: what the embeddings give, i: what the i-th layer gives */
  layers: [student: number, teacher: number][]
  /** gamma */
  weight: number
  /** false: no W_p; student and teacher must be equally wide. Default true */
  isProjected?: boolean
}

/**
 * Pairs each state of the student with one of the teacher, evenly: state m of M layers with round(m N / M) of N;
 * embeddings with embeddings, last with last.
 */
export function uniformLayerMap(studentLayers: number, teacherLayers: number): [student: number, teacher: number][] {
  if (!(studentLayers >= 1 && teacherLayers >= studentLayers))
    throw new Error(
      `train: ${studentLayers} layers of a student cannot be spread over ${teacherLayers} of the teacher; it must have as many or more`,
    )
  return Array.from({ length: studentLayers + 1 }, (_, m) => [m, Math.round((m * teacherLayers) / studentLayers)])
}

/**
 * What the student's layout needs to know of the pairs.
 * @throws where teacher and student do not fit each other, or a pair names a state that is not there
 */
export function matchesOf(student: TrainShape, { teacher, layers, isProjected = true }: HiddenOptions): StateMatch[] {
  const shape = shapeOfModel(teacher)
  const { words, positions, types, hidden } = shape
  const [ownLayers, teacherLayers] = [student, shape].map((of) => applicationsOf(of).length)
  if (words !== student.words)
    throw new Error(
      `train: hidden states are compared token by token, but the teacher has ${words} words and the student ${student.words}; give both the same vocabulary, or use teacherLogits alone`,
    )
  if (positions < student.positions || Math.max(1, types) < student.types)
    throw new Error(
      `train: the teacher has ${positions} positions and ${Math.max(1, types)} token types, the student ${student.positions} and ${student.types}; the teacher must have as many or more`,
    )
  if (layers.length === 0) throw new Error('train: hidden.layers is empty; uniformLayerMap() makes one')
  return layers.map(([own, other]) => {
    if (!(Number.isInteger(own) && own >= 0 && own <= ownLayers))
      throw new Error(`train: hidden.layers names state ${own} of the student, which has 0 to ${ownLayers}`)
    if (!(Number.isInteger(other) && other >= 0 && other <= teacherLayers))
      throw new Error(`train: hidden.layers names state ${other} of the teacher, which has 0 to ${teacherLayers}`)
    if (!isProjected && hidden !== student.hidden)
      throw new Error(
        `train: hidden.isProjected is false, but the teacher is ${hidden} wide and the student ${student.hidden}; let projections be learned`,
      )
    return { layer: own, width: hidden, isProjected }
  })
}

/**
 * Fills the projections of a student's vector, of its states and of its vectors: the identity where widths are equal, which is no projection at first, else
 * normal numbers of deviation 1 / sqrt(C_s), cut at two.
 */
export function initializeProjections(layout: Layout, rest: Float32Array, seed: number): void {
  const { hidden: C, matches = [], vectors } = layout.shape
  const initialize = ({ width, isProjected }: VectorMatch, name: string, words: string): void => {
    if (!isProjected) return
    const weight = tensorOf(layout, rest, name)
    const random = createRandom(seed, `initialize ${words}`)
    for (let i = 0; i < weight.length; i++) {
      if (width === C) {
        weight[i] = i % (C + 1) === 0 ? 1 : 0
        continue
      }
      let x = random.normal()
      while (Math.abs(x) > 2) x = random.normal()
      weight[i] = x / Math.sqrt(C)
    }
  }
  matches.forEach((match, j) => initialize(match, `match.${j}.weight`, `match ${j}`))
  if (vectors) initialize(vectors, 'vectors.weight', 'vectors')
}

/** A teacher, ready to run. */
export class HiddenTeacher {
  #session: TrainSession
  #options: HiddenOptions

  private constructor(session: TrainSession, options: HiddenOptions) {
    this.#session = session
    this.#options = options
  }

  /** @param threads CPU threads, shared with the student: the two never run at once */
  static async create(options: HiddenOptions, threads: number | undefined): Promise<HiddenTeacher> {
    const { teacher } = options
    const session = await TrainSession.create(shapeOfModel(teacher), {
      isForwardOnly: true,
      ...(threads && { threads }),
    })
    try {
      session.setParameters(parametersOf(teacher, session.layout))
    } catch (error) {
      await session.dispose()
      throw error
    }
    return new HiddenTeacher(session, options)
  }

  /** The teacher's part of a goal. */
  async states(batch: TrainBatch): Promise<LossTarget['states']> {
    const { layers, weight } = this.#options
    const wanted = layers.map(([, layer]) => layer)
    return { weight, teacher: await this.#session.hiddenStates(batch, wanted) }
  }

  async dispose(): Promise<void> {
    await this.#session.dispose()
  }
}
