import { once } from 'node:events'
import { request as requestHttp } from 'node:http'
import { type RequestOptions, request as requestHttps } from 'node:https'
import { ChannelCredentials } from '@grpc/grpc-js'
import { GrpcClient } from './grpc-client.ts'

/** What somebody shows at a port: a certificate with its key. */
interface Shown {
  readonly cert: string
  readonly key: string
}

/** Requests that read or write at some server of the platform: each port is asked all of them. */
const requests = [
  // Any server.
  ['GET', '/'],
  ['GET', '/health'],
  ['GET', '/healthz'],
  ['GET', '/status'],
  ['GET', '/metrics'],
  ['GET', '/debug/pprof/'],
  // The store's master: where objects lie, and the tokens that read and write them.
  ['GET', '/ui/index.html'],
  ['GET', '/dir/status'],
  ['GET', '/dir/assign'],
  ['GET', '/dir/lookup?volumeId=1'],
  ['GET', '/vol/status'],
  ['POST', '/vol/grow?count=1'],
  ['POST', '/submit'],
  ['GET', '/col/delete?collection=nobodys'],
  // Its volumes, filer, S3 and administration.
  ['GET', '/1,01637037d6'],
  ['PUT', '/1,01637037d6'],
  ['GET', '/buckets/'],
  ['PUT', '/buckets/slipway/stranger'],
  ['GET', '/slipway?list-type=2'],
  ['PUT', '/slipway/stranger'],
  ['GET', '/api/cluster/topology'],
  // Gateways and the console.
  ['GET', '/v2'],
  ['GET', '/v2/health/live'],
  ['POST', '/v2/repository/index'],
  ['GET', '/v1/models'],
  ['GET', '/models'],
  ['GET', '/openapi.json'],
  ['POST', '/invocations'],
  ['POST', '/feedback'],
  ['POST', '/hooks/alertmanager'],
  ['GET', '/api/models'],
  ['POST', '/api/promote'],
] as const

const text = (field: number, value: string): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)])

/** Calls by gRPC: a method, and its message in protobuf's wire format. */
const calls: readonly (readonly [path: string, message: Buffer])[] = [
  ['/grpc.health.v1.Health/Check', Buffer.alloc(0)],
  ['/master_pb.Seaweed/VolumeList', Buffer.alloc(0)],
  ['/master_pb.Seaweed/Assign', Buffer.from([8, 1])],
  ['/volume_server_pb.VolumeServer/VolumeServerStatus', Buffer.alloc(0)],
  ['/filer_pb.SeaweedFiler/ListEntries', text(1, '/buckets')],
  ['/filer_pb.SeaweedFiler/KvPut', Buffer.concat([text(1, 'stranger'), text(2, 'was here')])],
  ['/filer_pb.SeaweedFiler/KvGet', text(1, 'stranger')],
  ['/messaging_pb.SeaweedS3IamCache/PutIdentity', Buffer.alloc(0)],
  ['/worker_pb.WorkerService/WorkerStream', Buffer.alloc(0)],
  ['/inference.GRPCInferenceService/ServerMetadata', Buffer.alloc(0)],
  ['/inference.GRPCInferenceService/RepositoryIndex', Buffer.alloc(0)],
]

/**
 * Codes of calls that came to nothing: there is no such method, no connection, the caller is unknown
 * (grpc.github.io/grpc/core/md_doc_statuscodes.html). Whoever is told that a message is wrong is spoken to.
 */
const refusals = [12, 14, 16]

/**
 * Tries to read and to write at a port, by HTTP and gRPC, each with TLS and without.
 * @returns what was not refused: `GET /status 200`, `gRPC /filer_pb.SeaweedFiler/KvPut 0`
 */
export async function answersAt(port: number, shown?: Shown, host = '127.0.0.1'): Promise<string[]> {
  const opened: string[] = []
  const tls = { rejectUnauthorized: false, servername: '', ...shown }
  for (const [send, options] of [
    [requestHttp, {}],
    [requestHttps, tls],
  ] as const)
    for (const [method, path] of requests) {
      const headers = method === 'GET' ? {} : { 'content-type': 'application/json' }
      const status = await statusOf(send, { host, port, method, path, headers, agent: false, ...options })
      if (status !== undefined && status < 400) opened.push(`${method} ${path} ${status}`)
    }
  for (const credentials of [
    ChannelCredentials.createInsecure(),
    ChannelCredentials.createSsl(
      null,
      shown === undefined ? null : Buffer.from(shown.key),
      shown === undefined ? null : Buffer.from(shown.cert),
      { rejectUnauthorized: false },
    ),
  ]) {
    for (const [path, message] of calls) {
      const client = new GrpcClient(`${host}:${port}`, credentials)
      const { code } = await client.call(path, message, { options: { deadline: Date.now() + 5_000 } })
      client.close()
      if (!refusals.includes(code)) opened.push(`gRPC ${path} ${code}`)
    }
  }
  return opened
}

/** @returns undefined where no answer came */
async function statusOf(send: typeof requestHttps, options: RequestOptions): Promise<number | undefined> {
  const asked = send({ ...options, timeout: 5_000 })
  try {
    asked.once('timeout', () => asked.destroy(new Error('no answer')))
    asked.end(options.method === 'GET' ? undefined : '{}')
    const [{ statusCode }] = await once(asked, 'response')
    return statusCode
  } catch {
    return undefined
  } finally {
    asked.destroy()
    asked.on('error', () => {})
  }
}
