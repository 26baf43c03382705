// What can be asked of a distillation.

import type { TaskOptions } from '../data/prepare.ts'
import type { TrainingSettings } from '../train/settings.ts'

/** What a student is before it learns. */
export interface StudentSettings extends TrainingSettings {
  /** layers x width such as 2x128, a preset's name, or the folder or hub id of a model to start from */
  student: string
  /** the teacher's weights where they fit, or random numbers; 'fresh'. For a new student alone */
  init?: 'teacher' | 'fresh'
  /**
   * words of a new student: the teacher's, of them what the texts use, the N most frequent of those ('task:N'), or a new
   * vocabulary of so many tokens. 'task' where weights or hidden states are the teacher's, else NEW_STUDENT_VOCABULARY
   */
  vocabulary?: Vocabulary
  /** adds so many times the mean square between states of evenly paired layers */
  hiddenWeight: number
}

export type Vocabulary = 'same' | 'task' | `task:${number}` | number

export interface DistilSettings extends StudentSettings {
  /**
   * folders or hub ids of classifiers with the same labels in the same order: the mean of their logits is learned. The
   * first gives weights and words, where the student takes any
   */
  teachers: string[]
  /** labels and what teachers say of them; 'embed' learns vectors, see `EmbedSettings` */
  task?: 'classify'
  /** the loss is alpha CE + (1 - alpha) T^2 KL */
  alpha: number
  temperature: number
  /** adds so many times the mean square between the logits */
  logitMse: number
  /** file, or files joined by commas, of texts on which the teachers alone decide */
  unlabelled?: string
  /** times as many altered texts as there are */
  augment?: number
}

/** Of a distillation of vectors: the teacher is an embedder, labels are not looked at. */
export interface EmbedSettings extends Omit<StudentSettings, 'label' | keyof TaskOptions> {
  task: 'embed'
  /** one folder or hub id: no two embedders have the same space */
  teachers: string[]
  /** steps that take something out of the student's layers as it learns: zeros grow, factors train */
  recipe?: string
}
