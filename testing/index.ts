export { SlipwayError } from '../lib/formats/errors.ts'
export type { GateResult } from '../lib/formats/records.ts'
export { type Row, type Trial, type TrialOptions, type TriedStep, tryPipeline } from './try-pipeline.ts'
