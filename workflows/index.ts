export { ownModel } from './own-model.ts'
export { runPipeline } from './run-pipeline.ts'
