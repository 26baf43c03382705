// What settings ask of a student before it learns: its size, its words, the states that it is compared by.

import { densifyModel } from '../compress/densify.ts'
import type { Classifier } from '../inference/classifier.ts'
import { PRESETS } from '../model/config.ts'
import { appliedLayers } from '../model/weights.ts'
import { uniformLayerMap, type HiddenOptions } from '../train/hidden.ts'
import type { StudentSize } from '../train/student.ts'
import { tokensOf } from '../train/train-on-data.node.ts'
import { NEW_STUDENT_VOCABULARY } from './defaults.ts'
import type { StudentSettings } from './settings.ts'
import type { StartedStudent, StudentPlan } from './student.ts'

/** @throws where settings of a new student are given for one that exists, or states cannot be compared */
export function checkTogether(
  { student, init, vocabulary, hiddenWeight }: StudentSettings,
  size: StudentSize | null,
): void {
  if (!size && (init ?? vocabulary) !== undefined)
    throw new Error(`distil: ${student} is a model with weights and words already; leave out init and vocabulary`)
  if (hiddenWeight > 0 && (!size || typeof vocabulary === 'number'))
    throw new Error(
      "distil: hiddenWeight compares token by token; give a new student with the vocabulary 'same' or 'task'",
    )
}

export const planOf = (settings: StudentSettings, size: StudentSize): StudentPlan => {
  const { init = 'fresh', vocabulary, seed, hiddenWeight, preparation = null } = settings
  return {
    size,
    init,
    // words of the teacher's own have rows to start from, and states to be compared with
    vocabulary: vocabulary ?? (init === 'teacher' || hiddenWeight > 0 ? ('task' as const) : NEW_STUDENT_VOCABULARY),
    maxPositions: tokensOf(settings),
    preparation,
    seed,
  }
}

/** LxH of the teacher's width has the teacher's heads and feed-forward where it starts from them. */
export function sizeFor(size: StudentSize, { weights }: Classifier, { student, init }: StudentSettings): StudentSize {
  const { hiddenSize, heads, intermediateSize } = weights.config
  if (init !== 'teacher' || size.hiddenSize !== hiddenSize || Object.hasOwn(PRESETS, student)) return size
  return { ...size, heads, intermediateSize }
}

/** Hidden states of evenly paired layers. @throws where the student has other words than the teacher */
export function hiddenOf(
  { weights, teacher }: Pick<StartedStudent, 'weights' | 'teacher'>,
  weight: number,
): HiddenOptions {
  if (!teacher) throw new Error('the student has other words than the teacher; hidden states need the same')
  const dense = densifyModel(teacher).model
  const [own, taught] = [weights, dense].map((model) => appliedLayers(model).length)
  return { teacher: dense, layers: uniformLayerMap(own, taught), weight }
}
