import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ServiceModel, type ServiceName, serviceModel } from '../support/botocore.ts'
import { control } from './control.ts'
import { AwsError, invalid } from './errors.ts'
import { families } from './families.ts'
import { errorOf } from './script.ts'
import { inOneSentence, problemsOf } from './validate.ts'
import { type FakeOptions, type Family, type Handler, makeWorld, type World } from './world.ts'

/** A fake of SageMaker and of the services beside it that Slipway uses, on a port of 127.0.0.1. */
export interface Fake {
  readonly address: string
  readonly world: World
  stop(): Promise<void>
}

/** An operation with what its requests and answers are held to. */
interface Served {
  readonly service: ServiceName
  readonly model: ServiceModel
  readonly handler: Handler
}

export async function startFake(options: FakeOptions): Promise<Fake> {
  const world = makeWorld(options)
  const made = families.map((make) => make(world))
  const served = await servedBy(made)
  const server = createServer((request, response) => {
    void answer(world, { made, served }, request, response).catch((error: Error) => {
      console.error(error)
      if (!response.headersSent) response.writeHead(500)
      response.end(error.message)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    world,
    stop: () => stop(server, made, world),
  }
}

/** By target: `SageMaker.CreateTrainingJob`. */
async function servedBy(made: readonly Family[]): Promise<Map<string, Served>> {
  const models = new Map<ServiceName, ServiceModel>()
  const served = new Map<string, Served>()
  for (const { service, operations } of made) {
    const model = models.get(service) ?? (await serviceModel(service))
    models.set(service, model)
    for (const [name, handler] of Object.entries(operations)) {
      if (model.operations[name] === undefined) throw new Error(`${service} has no operation ${name}`)
      served.set(`${model.metadata.targetPrefix}.${name}`, { service, model, handler })
    }
  }
  return served
}

async function stop(server: Server, made: readonly Family[], world: World): Promise<void> {
  server.close()
  server.closeAllConnections()
  await Promise.all(made.map((family) => family.stop?.()))
  world.remove()
}

async function answer(
  world: World,
  { made, served }: { readonly made: readonly Family[]; readonly served: ReadonlyMap<string, Served> },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  if (control(world, request, response, body)) return
  for (const { http } of made) if ((await http?.(request, response, body)) === true) return
  const target = String(request.headers['x-amz-target'] ?? '')
  const operation = served.get(target)
  if (operation === undefined) {
    respond(response, 400, { __type: 'UnknownOperationException', message: `the fake has no ${target}` })
    return
  }
  await call(world, target.slice(target.indexOf('.') + 1), operation, body, response)
}

async function call(
  world: World,
  name: string,
  { service, model, handler }: Served,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const { input, output } = model.operations[name] ?? {}
  const request: unknown = body.length === 0 ? {} : JSON.parse(body.toString('utf8'))
  const logged: World['requests'][number] = { service, operation: name, request }
  world.requests.push(logged)
  try {
    const fault = world.script.faultOf(name, request)
    if (fault !== undefined && fault.code !== 'lost') throw errorOf(fault)
    const problems = input === undefined ? [] : problemsOf(model, input.shape, request)
    if (problems.length > 0) throw invalid(inOneSentence(problems))
    const made = JSON.parse(JSON.stringify((await handler(request)) ?? {})) as unknown
    const wrong = output === undefined ? [] : problemsOf(model, output.shape, made)
    if (wrong.length > 0) throw new Error(`the fake's own answer to ${name}: ${inOneSentence(wrong)}`)
    if (fault === undefined) respond(response, 200, made)
    else response.destroy()
    if (fault !== undefined) logged.error = fault.code
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    logged.error = error.code
    respond(response, error.status, { __type: error.code, message: error.message, Message: error.message })
  }
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': `fake-${Date.now()}` })
    .end(JSON.stringify(body))
}
