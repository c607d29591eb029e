/*
 * What every adapter of a port has to keep, as tests for vitest: `slipway/contract-tests`. Slipway's own adapters pass
 * them, and so should yours.
 */
export { describeLearner, type LearnerContract } from './learner.ts'
export { describeProtocol, type ProtocolUnderTest } from './protocol.ts'
export { describeSource, type SourcePlace } from './source.ts'
export { describeTarget, type TargetUnderTest } from './target.ts'
