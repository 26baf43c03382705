// The contracts of all operations, which kernels/README.md and the tests of completeness iterate.

import { ATTENTION } from './attention/contract.ts'
import { DENSE_MATMUL } from './dense-matmul/contract.ts'
import { EMBEDDING } from './embedding/contract.ts'
import { INT8_MATMUL } from './int8-matmul/contract.ts'
import { LOW_RANK_LINEAR } from './low-rank-linear/contract.ts'
import { ROW_OPS } from './row-ops/contract.ts'
import type { Contract } from './program/contract.ts'
import { SPARSE_MATMUL } from './sparse-matmul/contract.ts'

export const CONTRACTS: Contract[] = [
  DENSE_MATMUL,
  INT8_MATMUL,
  SPARSE_MATMUL,
  LOW_RANK_LINEAR,
  EMBEDDING,
  ROW_OPS,
  ATTENTION,
]
