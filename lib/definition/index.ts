export type { Column, ColumnOf, ColumnsOf, FeatureColumns } from '../formats/columns.ts'
export { type Builder, binary, type PipelineDefinition, pipeline, regression, trees } from './builder.ts'
export { type DeployOptions, errors, labelErrors, scores } from './deploy.ts'
export {
  accuracy,
  auc,
  brier,
  calibrationError,
  f1,
  latency,
  logLoss,
  mae,
  precision,
  r2,
  recall,
  rmse,
  size,
  slice,
} from './gates.ts'
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
