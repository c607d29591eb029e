/** The Temporal SDK's environment for tests, loaded where it is to download a server. */
export { TestWorkflowEnvironment } from '@temporalio/testing'
