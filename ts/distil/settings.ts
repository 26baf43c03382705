// What can be asked of a distillation.

import type { TrainingSettings } from '../train/settings.ts'

export interface DistilSettings extends TrainingSettings {
  /**
   * folders or hub ids of classifiers with the same labels in the same order: the mean of their logits is learned. The
   * first gives weights and words, where the student takes any
   */
  teachers: string[]
  /** layers x width such as 2x128, a preset's name, or the folder or hub id of a model to start from */
  student: string
  /** the teacher's weights where they fit, or random numbers; 'fresh'. For a new student alone */
  init?: 'teacher' | 'fresh'
  /**
   * words of a new student: the teacher's, of them what the texts use, or a new vocabulary of so many tokens. 'task' where
   * weights or hidden states are the teacher's, else NEW_STUDENT_VOCABULARY
   */
  vocabulary?: 'same' | 'task' | number
  /** the loss is alpha CE + (1 - alpha) T^2 KL */
  alpha: number
  temperature: number
  /** adds so many times the mean square between the logits */
  logitMse: number
  /** adds so many times the mean square between states of evenly paired layers */
  hiddenWeight: number
  /** file, or files joined by commas, of texts on which the teachers alone decide */
  unlabelled?: string
  /** times as many altered texts as there are */
  augment?: number
}
