// Why a step may not come after another, where several steps have the same reasons.

import type { Effect } from './step.ts'

type Reasons = Partial<Record<Effect, string>>

export const NOT_PRUNED_AFTER: Reasons = {
  int8: 'int8 weights are not pruned: put it before q8',
  sparse: 'the weights are sparse already: choose one kind of sparsity',
}

export const NOT_FACTORISED_AFTER: Reasons = {
  int8: 'int8 weights are not factorised: put it before q8',
  sparse: 'factors of sparse weights are dense, the zeros would be lost: put it before the sparsity',
  factors: 'the layers are factorised already: choose svd or tucker',
}
