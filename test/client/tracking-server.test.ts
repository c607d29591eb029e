import { describe, expect, it } from 'vitest'
import { openRegistry, openTrackingServer } from '../../client/tracking-server.ts'
import { DatabricksServer } from '../../lib/tracking/databricks.ts'

const workspace = { DATABRICKS_HOST: 'w.example', DATABRICKS_TOKEN: 'x' }

describe('the server that runs are written to', () => {
  it('is a Databricks workspace where that is said, and an MLflow server at an address', () => {
    expect(openTrackingServer('databricks', workspace)).toBeInstanceOf(DatabricksServer)
    expect(openTrackingServer('http://127.0.0.1:5000', workspace)).not.toBeInstanceOf(DatabricksServer)
    expect(() => openTrackingServer('databricks', {})).toThrow('no Databricks workspace is named')
    expect(() => openTrackingServer('http://127.0.0.1:5000', {}, { schema: 'main.models' })).toThrow(
      '--schema is of Databricks',
    )
  })
})

describe('the registry that models:/ names are of', () => {
  it('is the one that MLflow’s own tools take', () => {
    const isCatalog = (env: NodeJS.ProcessEnv) =>
      openRegistry('models:/a@b', { ...workspace, ...env }) instanceof DatabricksServer
    expect(isCatalog({ MLFLOW_TRACKING_URI: 'databricks' })).toBe(true)
    expect(isCatalog({ MLFLOW_TRACKING_URI: 'http://h', MLFLOW_REGISTRY_URI: 'databricks-uc' })).toBe(true)
    expect(isCatalog({ MLFLOW_TRACKING_URI: 'databricks', MLFLOW_REGISTRY_URI: 'http://h' })).toBe(false)
    expect(isCatalog({ MLFLOW_TRACKING_URI: 'http://h' })).toBe(false)
  })

  it('is none where nobody names one that is offered', () => {
    expect(() => openRegistry('models:/a@b', {})).toThrow('models:/a@b: no MLflow server is named')
    const legacy = { ...workspace, MLFLOW_TRACKING_URI: 'databricks', MLFLOW_REGISTRY_URI: 'databricks' }
    expect(() => openRegistry('models:/a@b', legacy)).toThrow('the registry of a workspace is not offered')
  })
})
