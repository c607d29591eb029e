import { status as code, type Server } from '@grpc/grpc-js'
import type { Served } from '../protocols/protocol.ts'
import { healthProto } from './protos.ts'
import { messagesOf, register, type ServerStream, type Unary } from './services.ts'

/** How often those who watch are told of a change, ms. */
const watchMs = 250

const statuses = { serving: 1, notServing: 2, unknown: 3 } as const

export const healthService = 'grpc.health.v1.Health'
export const health = messagesOf(healthProto, 'grpc.health.v1')

/**
 * gRPC's health checks (doc/health-checking.md of grpc): of the whole server under no name, of the services under their
 * names, and of endpoints under theirs.
 * @param services full names
 */
export function serveHealth(server: Server, { isReady, index }: Served, services: readonly string[]): void {
  const statusOf = (service: string): number => {
    if (service === '' || services.includes(service)) return isReady() ? statuses.serving : statuses.notServing
    const versions = index().filter(({ name }) => name === service)
    if (versions.length === 0) return statuses.unknown
    return isReady() && versions.some(({ reason }) => reason === undefined) ? statuses.serving : statuses.notServing
  }
  const nameIn = (message: Buffer): string => health.decode<{ service: string }>('HealthCheckRequest', message).service
  const write = (status: number): Buffer => health.encode('HealthCheckResponse', { status })
  const check: Unary = ({ request }, callback) => {
    const name = nameIn(request)
    const status = statusOf(name)
    if (status !== statuses.unknown) return callback(null, write(status))
    callback({ code: code.NOT_FOUND, details: `there is no service and no endpoint "${name.slice(0, 100)}"` })
  }
  const watch: ServerStream = (call) => {
    const name = nameIn(call.request)
    let told: number | undefined
    const tell = (): void => {
      const status = statusOf(name)
      if (status === told) return
      told = status
      call.write(write(status))
    }
    const timer = setInterval(tell, watchMs)
    call.on('cancelled', () => clearInterval(timer))
    call.on('close', () => clearInterval(timer))
    tell()
  }
  register(server, healthService, { Check: { unary: check }, Watch: { stream: watch } })
}
