import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'

/*
 * A model server of the tests that keeps the contract of SageMaker's serving containers. What its model says in
 * /opt/ml/model/behaviour.json, or its image by STAND_IN, it does: fails some requests, answers slowly, scores.
 */
const file = '/opt/ml/model/behaviour.json'
const {
  failing = 0,
  slowMs = 0,
  score = 0.5,
  startsNot = false,
} = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : JSON.parse(process.env.STAND_IN ?? '{}')
if (startsNot) process.exit(1)
let asked = 0
const server = createServer(async (request, response) => {
  if (request.url === '/ping') return response.writeHead(200).end()
  for await (const _ of request);
  asked++
  if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs))
  // Every so many requests, evenly: the tests count them.
  if (failing > 0 && Math.floor(asked * failing) > Math.floor((asked - 1) * failing))
    return response.writeHead(500).end('the model fails')
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ predictions: [score] }))
})
server.listen(Number(process.env.SAGEMAKER_BIND_TO_PORT), '127.0.0.1')
process.on('SIGTERM', () => server.close(() => process.exit(0)))
