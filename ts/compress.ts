// Compression after training: what `compact-kernels/compress` exports.

export { compressToBudget } from './budget/budget.ts'
export type { BudgetGoal, BudgetInput, BudgetLedger, LedgerLayer, LedgerScore } from './budget/budget.ts'
export { openBudgetTexts } from './budget/texts.ts'
export type { BudgetTexts, BudgetTextsOptions } from './budget/texts.ts'
export type { VectorRule } from './inference/whole-vectors.ts'
export { InfeasibleError, leastCost, leastLoss } from './compress/allocate.ts'
export type { Choice } from './compress/allocate.ts'
export type { Calibration, InputSums } from './compress/calibration.ts'
export { denseData, denseTable, denseWeight } from './compress/dense.ts'
export type { StepResult } from './compress/dense.ts'
export { factorizeTucker } from './compress/factorize-tucker.ts'
export { centered, correctedBias } from './compress/bias.ts'
export { chainFromSvd, factorizeSvd, truncatedSvd } from './compress/low-rank.ts'
export type { LowRankOptions, TruncatedSvd } from './compress/low-rank.ts'
export {
  applyMask,
  blockMasks,
  cubicSparsity,
  keptCount,
  magnitudeMasks,
  nmMask,
  pruneMask,
  wandaMask,
} from './compress/prune-mask.ts'
export type { Prunable, PruneRule } from './compress/prune-mask.ts'
export { csrFromMask, masksFor, nmFromMask, prunableMatrices, prune } from './compress/prune.ts'
export {
  dequantizeWeight,
  isBlockSparse,
  quantizeBlocks,
  quantizeEmbedding,
  quantizeLinear,
  quantizeLinears,
  quantizeWordEmbeddings,
} from './compress/quantize.ts'
export { quantizeWeight } from './compress/quantize-weight.ts'
export {
  breakEvenRank,
  chooseRanks,
  energyRank,
  rankCandidates,
  rankChoices,
  svdRank,
  commonCores,
  tuckerRanks,
} from './compress/ranks.ts'
export type { Choices, RankRule } from './compress/ranks.ts'
export type { QuantizeOptions } from './compress/quantize.ts'
export type { Compensation, Compensator } from './compress/compensate.ts'
export { quantizationSensitivity, quantizeWithinGate } from './compress/quantize-gate.ts'
export type { GateResult, LayerSensitivity } from './compress/quantize-gate.ts'
export { applyRecipe, formatRecipe, parseRecipe, STEP_SYNTAX } from './recipe/apply.ts'
export type { RecipeContext, RecipeResult, Step, Student } from './recipe/apply.ts'
export { recipeTexts } from './train/recipe-texts.ts'
export type { RecipeTextsOptions } from './train/recipe-texts.ts'
export { layerInputs, linearCandidates, tableCandidates, weightBytes } from './compress/sensitivity.ts'
export type { Candidate, LayerInputs } from './compress/sensitivity.ts'
export {
  keepMostImportant,
  pruneStructure,
  removeStructure,
  sliceLayer,
  weightImportance,
} from './compress/structure.ts'
export type { Importance, PruneStructureOptions } from './compress/structure.ts'
export { contractChain } from '../kernels/low-rank-linear/contract-chain.ts'
export { chainsFromTucker, storedElements, tucker2 } from './compress/tucker.ts'
export type { Tucker2 } from './compress/tucker.ts'
export { gatherRows, isSingleCharacter, pruneVocabulary, unknownRate } from './compress/vocabulary.ts'
export type { Encode, PrunedVocabulary, VocabularyContext } from './compress/vocabulary.ts'
export { chainsFromTucker3, mixCores } from './compress/tucker3.ts'
export type { Tucker3 } from './compress/tucker3.ts'
export { whitenedTucker2 } from './compress/whiten-stack.ts'
export { chainOfSpectrum, outputError, spectrum, whitenedSvd } from './compress/whiten.ts'
export type { Spectrum, WhitenedSvd } from './compress/whiten.ts'
export { keptStructure } from './compress/kept-structure.ts'
export type { TuckerOptions } from './compress/factorize-tucker.ts'
export type { LayerName } from './compress/structure.ts'
export type { Tucker2Options } from './compress/tucker.ts'
