import { createServer, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { MlflowServer } from '../../lib/tracking/mlflow.ts'

let server: Server | undefined
afterEach(() => void server?.close())

/** A tracking server that gives the same answer to everything. @returns how it is spoken to, and what it is asked */
async function answering(status: number, answer: string) {
  const asked: { method: string; url: string; body: string; authorization: string | undefined }[] = []
  server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    asked.push({ method, url, body: await text(request), authorization: headers.authorization })
    response.writeHead(status).end(answer)
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { asked, mlflow: new MlflowServer({ address: `http://127.0.0.1:${port}/`, authorization: 'Bearer t0ken' }) }
}

describe('an MLflow server', () => {
  it('is asked with what says who we are', async () => {
    const { mlflow, asked } = await answering(200, '{}')
    await mlflow.setTag('r1', { key: 'a', value: 'b' })
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/api/2.0/mlflow/runs/set-tag',
        body: '{"run_id":"r1","key":"a","value":"b"}',
        authorization: 'Bearer t0ken',
      },
    ])
  })

  it('that refuses is quoted, and what to do is said', async () => {
    const { mlflow } = await answering(401, 'You are not authenticated')
    await expect(mlflow.experiment('flights')).rejects.toMatchObject({
      code: 'USAGE',
      facts: { next: expect.stringContaining('MLFLOW_TRACKING_TOKEN') },
    })
  })

  it('that is not there is named', async () => {
    const gone = new MlflowServer({ address: 'http://127.0.0.1:9' })
    await expect(gone.experiment('flights')).rejects.toThrow('the MLflow server at http://127.0.0.1:9 does not answer')
  })

  it('that does not store artifacts itself is sent none', async () => {
    const { mlflow, asked } = await answering(200, '{}')
    const run = { info: { run_id: 'r1', artifact_uri: 's3://bucket/0/r1/artifacts' } }
    await expect(mlflow.putArtifact(run, 'card.md', Buffer.from('x'))).rejects.toThrow('s3://bucket/0/r1/artifacts')
    expect(asked).toEqual([])
  })

  it('is given every part of an artifact’s path as it is', async () => {
    const { mlflow, asked } = await answering(200, '{}')
    const run = { info: { run_id: 'r1', artifact_uri: 'mlflow-artifacts:/0/r1/artifacts' } }
    await mlflow.putArtifact(run, 'model/a file?.txt', Buffer.from('content'))
    expect(asked[0]).toMatchObject({
      method: 'PUT',
      url: '/api/2.0/mlflow-artifacts/artifacts/0/r1/artifacts/model/a%20file%3F.txt',
      body: 'content',
    })
  })
})
