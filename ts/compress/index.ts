// Compression after training: what `compact-kernels/compress` exports.

export type { Calibration, InputSums } from './calibration.ts'
export { denseData, denseTable, denseWeight } from './dense.ts'
export type { StepResult } from './dense.ts'
export { breakEvenRank, chainFromSvd, factorizeSvd, svdRank, truncatedSvd } from './low-rank.ts'
export type { TruncatedSvd } from './low-rank.ts'
export {
  applyMask,
  blockMasks,
  cubicSparsity,
  keptCount,
  magnitudeMasks,
  nmMask,
  pruneMask,
  wandaMask,
} from './prune-mask.ts'
export type { Prunable, PruneRule } from './prune-mask.ts'
export { csrFromMask, masksFor, nmFromMask, prunableMatrices, prune } from './prune.ts'
export {
  dequantizeWeight,
  isBlockSparse,
  quantizeBlocks,
  quantizeEmbedding,
  quantizeLinear,
  quantizeLinears,
  quantizeWeight,
  quantizeWordEmbeddings,
} from './quantize.ts'
export type { QuantizeOptions } from './quantize.ts'
export { quantizationSensitivity, quantizeWithinGate } from './quantize-gate.ts'
export type { GateResult, LayerSensitivity } from './quantize-gate.ts'
export { applyRecipe, formatRecipe, parseRecipe, STEP_SYNTAX } from './recipe.ts'
export type { RecipeContext, RecipeResult, Step, Student } from './recipe.ts'
export {
  keepMostImportant,
  keptStructure,
  pruneStructure,
  removeStructure,
  sliceLayer,
  weightImportance,
} from './structure.ts'
export type { Importance, PruneStructureOptions } from './structure.ts'
export { contractChain } from '../../kernels/low-rank-linear/contract-chain.ts'
export { chainsFromTucker, factorizeTucker, storedElements, tucker2, tuckerRanks } from './tucker.ts'
export type { Tucker2 } from './tucker.ts'
export { gatherRows, isSingleCharacter, pruneVocabulary, unknownRate } from './vocabulary.ts'
export type { Encode, PrunedVocabulary, VocabularyContext } from './vocabulary.ts'
