// Classifiers as teachers: opened together, and what they say of texts, read from disk where they said it before.

import { encodeTexts, type TextInput } from '../inference/batches.ts'
import { loadClassifier, type Classifier } from '../inference/classifier.ts'
import { SILENT } from '../inference/reporter.ts'
import { Stopped } from '../inference/stopped.ts'
import { openDevice } from '../inference/devices.ts'
import { logitsOf } from '../inference/logits.ts'
import type { Watch } from '../train/settings.ts'
import { cachedTeacherLogits } from './teacher-rows.node.ts'

/** @throws where labels are not the same in the same order: logits are averaged by number */
export async function openTeachers(sources: readonly string[]): Promise<Classifier[]> {
  if (sources.length === 0) throw new Error('distil: there is no teacher; expected at least one classifier')
  const teachers: Classifier[] = []
  for (const source of sources) teachers.push(await openTeacher(source))
  const [first, ...others] = teachers.map(({ weights }) => weights.config.labels.join(', '))
  const other = others.findIndex((labels) => labels !== first)
  if (other >= 0)
    throw new Error(
      `${sources[other + 1]} has the labels ${others[other]}, ${sources[0]} ${first}; expected teachers with the same labels in the same order`,
    )
  return teachers
}

/** @throws where it has no classifier: an embedder has other things to teach */
async function openTeacher(source: string): Promise<Classifier> {
  try {
    return await loadClassifier(source)
  } catch (error) {
    const { message } = error as Error
    if (!message.includes('has no classifier')) throw error
    throw new Error(`${message}, or learn its vectors: --task embed (task: 'embed')`, { cause: error })
  }
}

export interface Reading {
  /** where logits are kept for a later run */
  folder: string
  maxPositions: number
  /** CPU threads; the device's own choice where not given */
  threads?: number
  watch: Watch
}

/** The mean of the teachers' logits, f32 [texts of all parts, labels]; each part is kept on disk by itself. */
export async function meanLogits(
  teachers: readonly Classifier[],
  parts: readonly (readonly TextInput[])[],
  reading: Reading,
): Promise<Float32Array> {
  const all: Float32Array[] = []
  for (const teacher of teachers) {
    const read: Float32Array[] = []
    for (const part of parts) read.push(await readPart(teacher, part, reading))
    all.push(joined(read))
  }
  return all[0].map((_, i) => all.reduce((sum, logits) => sum + logits[i], 0) / all.length)
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let end = 0
  for (const part of parts) {
    whole.set(part, end)
    end += part.length
  }
  return whole
}

async function readPart(
  { weights, tokenizer }: Classifier,
  texts: readonly TextInput[],
  { folder, maxPositions, threads, watch: { reporter = SILENT, signal } }: Reading,
): Promise<Float32Array> {
  const { ids: sequences, types } = encodeTexts(tokenizer, texts, Math.min(maxPositions, weights.config.maxPositions))
  let isRead = false
  const compute = async (): Promise<Float32Array> => {
    reporter.stage(`the teacher reads ${texts.length} texts`)
    isRead = true
    const { device } = await openDevice({ device: 'cpu', threads })
    try {
      return await logitsOf(device, weights, sequences, { types, progress: reporter.progress, signal })
    } finally {
      await device.dispose()
    }
  }
  try {
    const asked = { folder, teacher: weights, sequences, types, note: reporter.note, compute }
    const logits = await cachedTeacherLogits(asked)
    if (isRead) reporter.done()
    else reporter.note("the teacher's logits are those of an earlier run")
    return logits
  } catch (error) {
    if (!signal?.aborted) throw error
    throw new Stopped(
      'stopped while the teacher read the texts; what it has read in whole parts is kept for the next run',
    )
  }
}
