export type { Column, ColumnOf, ColumnsOf, FeatureColumns, Numbers } from '../formats/columns.ts'
export type { Evaluation } from '../formats/evaluation.ts'
export type { AnswerFunction, Answers, ScoresOfTask } from './answer.ts'
export { type Builder, type PipelineDefinition, type PipelineOptions, pipeline } from './builder.ts'
export { type DeployOptions, errors, labelErrors, scores } from './deploy.ts'
export type { ArtifactContent, MadeColumns } from './derived.ts'
export {
  accuracy,
  auc,
  aucMacro,
  balancedAccuracy,
  brier,
  calibrationError,
  coverage,
  f1,
  f1Macro,
  f1Weighted,
  latency,
  logLoss,
  mae,
  meanAveragePrecision,
  meanReciprocalRank,
  ndcg,
  pinball,
  precision,
  precisionMacro,
  r2,
  recall,
  recallMacro,
  rmse,
  size,
  slice,
  top3Accuracy,
} from './gates.ts'
export { sagemakerEndpoint } from './hosting.ts'
export { learner, linear, onnx, program, sagemaker, trees } from './learners.ts'
export { lookup } from './lookup.ts'
export {
  cramersV,
  jensenShannon,
  ks,
  type MonitorOptions,
  missing,
  psi,
  unseen,
  volume,
  wasserstein,
} from './monitor.ts'
export { driftMeasure, gate, metric } from './own-measures.ts'
export { sagemakerProcessing } from './processing.ts'
export { sagemakerRegistry } from './registry.ts'
export { binary, multiclass, quantiles, ranking, regression } from './target.ts'
export { sagemakerTransform } from './transform.ts'
export { log, oneOf, sagemakerTuning, type TuneBudget, type Tuned, whole } from './tuning.ts'
