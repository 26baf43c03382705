// The steps that there are, in the order of help and README. A step is a line here and its file.

import type { RecipeStep } from '../step.ts'
import { budget } from './budget.ts'
import { e8 } from './e8.ts'
import { heads } from './heads.ts'
import { nm } from './nm.ts'
import { q8 } from './q8.ts'
import { qat } from './qat.ts'
import { sparse } from './sparse.ts'
import { student } from './student.ts'
import { svd } from './svd.ts'
import { tiles } from './tiles.ts'
import { tucker } from './tucker.ts'
import { tucker3 } from './tucker3.ts'
import { vocab } from './vocab.ts'
import { wanda } from './wanda.ts'
import { wsvd } from './wsvd.ts'
import { wtucker } from './wtucker.ts'

const LIST = [
  q8,
  e8,
  sparse,
  tiles,
  wanda,
  nm,
  heads,
  svd,
  wsvd,
  tucker,
  wtucker,
  tucker3,
  vocab,
  qat,
  student,
  budget,
] as const

type StepOf<T> = T extends RecipeStep<infer S> ? S : never

/** One step of a recipe with its numbers; `text` is how it was written. */
export type Step = StepOf<(typeof LIST)[number]>

/** By the list's own types each entry takes its own step; whoever walks the list gives an entry what that entry parsed. */
export const STEPS = LIST as unknown as readonly RecipeStep<Step>[]

/** What is known of a step. */
export const definitionOf = ({ kind }: Step): RecipeStep<Step> => STEPS.find((step) => step.kind === kind)!
