/** The pipeline of a run, by the run's id: `flights-20261122-034512-k3x9` → `flights`. */
export const pipelineOfRun = (runId: string): string => runId.replace(/-\d{8}-\d{6}-\w+$/, '')
