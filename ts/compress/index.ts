// Compression after training: what `compact-kernels/compress` exports.

export { InfeasibleError, leastCost, leastLoss } from './allocate.ts'
export type { Choice } from './allocate.ts'
export type { Calibration, InputSums } from './calibration.ts'
export { denseData, denseTable, denseWeight } from './dense.ts'
export type { StepResult } from './dense.ts'
export { factorizeTucker } from './factorize-tucker.ts'
export { centered, correctedBias } from './bias.ts'
export { chainFromSvd, factorizeSvd, truncatedSvd } from './low-rank.ts'
export type { LowRankOptions, TruncatedSvd } from './low-rank.ts'
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
export { breakEvenRank, chooseRanks, energyRank, rankCandidates, rankChoices, svdRank } from './ranks.ts'
export type { Choices, RankRule } from './ranks.ts'
export type { QuantizeOptions } from './quantize.ts'
export { quantizationSensitivity, quantizeWithinGate } from './quantize-gate.ts'
export type { GateResult, LayerSensitivity } from './quantize-gate.ts'
export { applyRecipe, formatRecipe, parseRecipe, STEP_SYNTAX } from '../recipe/apply.ts'
export type { RecipeContext, RecipeResult, Step, Student } from '../recipe/apply.ts'
export { layerInputs, linearCandidates, tableCandidates, weightBytes } from './sensitivity.ts'
export type { Candidate, LayerInputs } from './sensitivity.ts'
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
export { chainsFromTucker, storedElements, tucker2, tuckerRanks } from './tucker.ts'
export type { Tucker2 } from './tucker.ts'
export { gatherRows, isSingleCharacter, pruneVocabulary, unknownRate } from './vocabulary.ts'
export type { Encode, PrunedVocabulary, VocabularyContext } from './vocabulary.ts'
export { chainsFromTucker3, commonCores, mixCores } from './tucker3.ts'
export type { Tucker3 } from './tucker3.ts'
export { whitenedTucker2 } from './whiten-stack.ts'
export { chainOfSpectrum, outputError, spectrum, whitenedSvd } from './whiten.ts'
export type { Spectrum, WhitenedSvd } from './whiten.ts'
