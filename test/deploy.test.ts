import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import Ajv from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { requestMs } from '../gateway/http.ts'
import { packageRoot } from '../lib/code/host.ts'
import { findTemporal, seaweedPackage, temporalPackage } from '../workers/platform/binaries.ts'
import { usualDrainMs } from '../workers/server-settings.ts'
import { cacheHome } from '../workers/settings.ts'
import { attributes } from '../workflows/attributes.ts'
import { scoringQueue } from '../workflows/messages.ts'

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8')

interface Service {
  image?: string
  environment?: Record<string, string>
  volumes?: string[]
  ports?: string[]
  healthcheck?: unknown
  restart?: string
  stop_grace_period?: string
  read_only?: boolean
  depends_on?: Record<string, { condition: string }>
  build?: unknown
  command?: string[]
  extra_hosts?: string[]
  network_mode?: string
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>
  volumes: object
}
const services = Object.entries(compose.services)

describe('docker-compose.yml', () => {
  it('keeps the Compose specification', () => {
    const folder = dirname(createRequire(import.meta.url).resolve('dclint/package.json'))
    const { $schema: _, ...schema } = JSON.parse(readFileSync(join(folder, 'schemas/compose.schema.json'), 'utf8'))
    const validate = new Ajv.default({ strict: false, allErrors: true, validateFormats: false }).compile(schema)
    expect(validate(compose), JSON.stringify(validate.errors)).toBe(true)
    // The check itself must be able to fail.
    expect(validate({ services: { a: { imagee: 'x' } } })).toBe(false)
  })

  it('runs the versions that are tested here', async () => {
    const { path } = await findTemporal(cacheHome(), () => {})
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' })
    const [, cli, server, ui] = /version (\S+) \(Server (\S+), UI (\S+)\)/.exec(version) ?? []
    expect(cli).toBe(temporalPackage.version)
    expect(compose.services.temporal?.image).toBe(`temporalio/server:${server}`)
    expect(compose.services['temporal-schema']?.image).toBe(`temporalio/admin-tools:${server}`)
    expect(compose.services['temporal-ui']?.image).toBe(`temporalio/ui:${ui}`)
    expect(compose.services.seaweedfs?.image).toBe(`chrislusf/seaweedfs:${seaweedPackage.version}`)
  })

  it('holds no secret: each comes from the environment and is asked for', () => {
    for (const [name, { environment = {} }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        if (/PASSWORD|PWD|SECRET|ACCESS_KEY|JWT/.test(variable))
          expect(String(value), `${name} ${variable}`).toMatch(/^\$\{\w+:\?.+\}$/)
      }
    }
  })

  it('opens its ports to this machine only', () => {
    for (const [name, { ports = [] }] of services)
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:/)
  })

  it('keeps the roles of the store to their container, where what sets them up joins them', () => {
    const { seaweedfs, 'seaweedfs-init': init } = compose.services
    expect(seaweedfs?.command).toEqual(expect.arrayContaining(['-ip.bind=127.0.0.1', '-s3.ip.bind=0.0.0.0']))
    expect(seaweedfs?.extra_hosts).toEqual(['seaweedfs:127.0.0.1'])
    expect(seaweedfs?.ports).toEqual(['127.0.0.1:8333:8333'])
    expect(init?.network_mode).toBe('service:seaweedfs')
  })

  it('has health checks and restarts for what stays, and named volumes for what it keeps', () => {
    const once = new Set(
      Object.values(compose.services).flatMap(({ depends_on = {} }) =>
        Object.entries(depends_on).flatMap(([name, { condition }]) =>
          condition === 'service_completed_successfully' ? [name] : [],
        ),
      ),
    )
    for (const [name, service] of services) {
      if (once.has(name)) continue
      expect(service.healthcheck, name).toBeDefined()
      expect(service.restart, name).toBe('unless-stopped')
    }
    expect(Object.keys(compose.volumes)).toEqual(['postgresql', 'seaweedfs', 'gateway', 'prometheus'])
  })

  it('runs everything but PostgreSQL on a read-only root', () => {
    for (const [name, service] of services) if (name !== 'postgresql') expect(service.read_only, name).toBe(true)
  })

  it('mounts files that exist, scripts that parse', () => {
    for (const [, { volumes = [] }] of services) {
      for (const [source = ''] of volumes.map((volume) => volume.split(':'))) {
        if (source.startsWith('./')) expect(() => readdirSync(join(packageRoot, dirname(source)))).not.toThrow()
        if (source.endsWith('.sh')) execFileSync('sh', ['-n', join(packageRoot, source)])
      }
    }
  })
})

describe('deploy/', () => {
  it('balances over and scrapes every gateway there is, on the port they listen on', () => {
    const port = compose.services.gateway?.environment?.SLIPWAY_GATEWAY_PORT
    expect(read('deploy/gateway/nginx.conf')).toContain(`http://gateway:${port}`)
    const { scrape_configs } = parse(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[]
    }
    expect(scrape_configs[0]?.dns_sd_configs[0]).toMatchObject({ names: ['gateway'], type: 'A', port: Number(port) })
  })

  it('gives a gateway the time it takes to stop', () => {
    const seconds = Number(/^(\d+)s$/.exec(compose.services.gateway?.stop_grace_period ?? '')?.[1])
    expect(seconds * 1000).toBeGreaterThan(usualDrainMs + requestMs)
  })

  it('creates the search attributes that runs use', () => {
    for (const { name } of Object.values(attributes)) expect(read('deploy/temporal/init-namespace.sh')).toContain(name)
  })

  it('sets what the embedded platform does: activities start at once, fairness keys count, in one partition', () => {
    const settings: Record<string, { value: unknown; constraints: object }[]> = parse(
      read('deploy/temporal/dynamicconfig/dynamic.yaml'),
    )
    const scoring = { taskQueueName: scoringQueue }
    expect(settings).toEqual({
      'history.transferProcessorMaxPollRPS': [{ value: 2000, constraints: {} }],
      'matching.enableFairness': [{ value: true, constraints: {} }],
      'matching.numTaskqueueReadPartitions': [{ value: 1, constraints: scoring }],
      'matching.numTaskqueueWritePartitions': [{ value: 1, constraints: scoring }],
    })
    for (const [name, [setting]] of Object.entries(settings))
      expect(read('workers/platform/servers.ts')).toContain(`'${name}=${setting?.value}'`)
  })
})

describe('the Dockerfile', () => {
  it('runs the worker as a user without rights, from files of the build', () => {
    const text = read('Dockerfile')
    expect(text).toMatch(/^USER node$/m)
    expect(text).toMatch(/dist\/worker\.js/)
    expect(text).not.toMatch(/ADD https?:|curl|wget/)
  })
})
