// compact-kernels/evaluation: labelled texts from files, scores with their uncertainty, tests between two classifiers.

export { splitExamples } from './data/examples.ts'
export type { Dataset, LabelledText } from './data/examples.ts'
export { loadDataset } from './data/dataset.ts'
export type { LoadDatasetOptions } from './data/dataset.ts'
export { matchLabels } from './data/labels.ts'
export type { LabelOrder } from './data/labels.ts'
export { loadRows } from './data/rows.ts'
export type { Rows } from './data/rows.ts'
export { loadTexts } from './data/unlabelled.ts'
export {
  compareClassifiers,
  evaluateClassifier,
  evaluateMultiLabel,
  evaluateRegression,
  measureRowFloors,
} from './evaluation/evaluate.ts'
export type {
  ClassifierComparison,
  EvaluateOptions,
  Evaluation,
  MultiLabelEvaluation,
  RegressionEvaluation,
  RunDetails,
} from './evaluation/evaluate.ts'
export { crossValidatedFloors, measureFloors } from './evaluation/floors.ts'
export type { Floor, FloorId, FloorOptions, MeasuredFloor } from './evaluation/floors.ts'
export { trainLogisticRegression } from './evaluation/logistic-regression.ts'
export type { LinearClassifier } from './evaluation/logistic-regression.ts'
export { pairedLoss } from './evaluation/paired.ts'
export type { Change, PairedLoss, PairedOptions } from './evaluation/paired.ts'
export { multiLabelScores } from './evaluation/multi-label.ts'
export type { MultiLabelScores } from './evaluation/multi-label.ts'
export { trainNaiveBayes } from './evaluation/naive-bayes.ts'
export type { NaiveBayes } from './evaluation/naive-bayes.ts'
export { testScores } from './evaluation/scores.ts'
export type { TestScores } from './evaluation/scores.ts'
export {
  agreement,
  classScores,
  confusionMatrix,
  f1Interval,
  mcnemar,
  median,
  quantile,
  rarerClass,
  relativeLoss,
  scoreInterval,
  scorePredictions,
  summarize,
} from './evaluation/statistics.ts'
export type {
  ClassScores,
  ConfusionMatrix,
  Interval,
  McNemar,
  Measures,
  Metric,
  RelativeLoss,
  Scores,
} from './evaluation/statistics.ts'
export { regressionScores } from './evaluation/regression.ts'
export type { RegressionScores } from './evaluation/regression.ts'
export { compareVectors, meanInterval, neighbourOverlaps, rowCosines } from './evaluation/vectors.ts'
export type { Mean, VectorScores } from './evaluation/vectors.ts'
export { verifyModel } from './evaluation/verify.ts'
export type { DeviceVerdict, Verdict, VerifyOptions } from './evaluation/verify.ts'
export type { ColumnChoice } from './data/columns.ts'
export type { LabelReading } from './data/label-values.ts'
export type { ClassifierOptions } from './inference/classifier.ts'
export type { Features } from './inference/embedder.ts'
export type { TextModelOptions } from './inference/text-model.ts'
