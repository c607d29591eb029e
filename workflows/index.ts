export { ownEndpoint } from './own-endpoint.ts'
export { ownModel } from './own-model.ts'
export { runPipeline } from './run-pipeline.ts'
export { runRollout } from './run-rollout.ts'
