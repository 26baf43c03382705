// What is found out before a study begins: models that changed, names that are none, devices that are not there.

import { folderDigest, isFolder } from '../io/folder.node.ts'
import { openDevice } from '../inference/devices.ts'
import { problemTypeOf } from '../model/config.ts'
import { readModelConfig } from '../model/load.ts'
import { encoderSize } from '../model/preset.ts'
import type { StudySettings } from '../report/results.ts'
import type { StudyOptions } from './settings.ts'

/** Of models that are folders: one that was trained anew under the same name makes other rows. */
export async function digestsOf({ model, student }: StudySettings): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  if (await isFolder(model)) digests.modelFiles = await folderDigest(model)
  if (student !== null && (await isFolder(student))) digests.studentFiles = await folderDigest(student)
  return digests
}

/** A wrong name is found out now, not after the baseline's training. */
export async function checkStudent(student: string | null): Promise<void> {
  if (student !== null && !encoderSize(student) && !(await isFolder(student)))
    throw new Error(
      `student ${student}: expected layers x width with a width divisible by 32, such as 2x64, a preset, or the folder of a model`,
    )
}

/** @throws where the model's outputs are no classes, which is what a study judges */
export async function checkModel(source: string): Promise<void> {
  const config = source === 'scratch' ? null : await readModelConfig(source)
  if (config === null || config.labels.length === 0) return
  const problemType = problemTypeOf(config)
  if (problemType !== 'single_label_classification' || config.task === 'token-classification')
    throw new Error(
      `${source}: its outputs are those of ${config.task ?? problemType}; a study judges classes of texts: give a model of those, or one without a classifier`,
    )
}

/**
 * The devices that are measured. A GPU that is asked for and is not there is found out now, not after the training, and
 * before a folder is made.
 */
export async function findDevices(
  asked: StudyOptions['devices'],
): Promise<{ devices: ('cpu' | 'gpu')[]; note: string }> {
  const devices = asked ?? ['cpu', 'gpu']
  if (!devices.includes('gpu')) return { devices, note: '' }
  try {
    const { device: gpu } = await openDevice({ device: 'gpu' })
    await gpu.dispose()
    return { devices, note: '' }
  } catch (error) {
    if (asked) throw error
    return { devices: ['cpu'], note: `measured on the CPU alone: ${(error as Error).message}` }
  }
}
