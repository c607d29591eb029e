import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { cacheHome } from '../../workers/settings.ts'

const run = promisify(execFile)

/** botocore's wheel, of which only the service models are read. */
const version = '1.44.8'
const sha256 = '76342a76c338701db80dcb8afe1c9bd079283d6fffbb9d881442abb02a215043'

/** Where the models of services lie below the package, by the name that its folders have. */
const folders = {
  sagemaker: 'sagemaker/2017-07-24',
  'sagemaker-runtime': 'sagemaker-runtime/2017-05-13',
  logs: 'logs/2014-03-28',
  cloudwatch: 'cloudwatch/2010-08-01',
  'application-autoscaling': 'application-autoscaling/2016-02-06',
  sqs: 'sqs/2012-11-05',
} as const
export type ServiceName = keyof typeof folders

/** A service as botocore describes it, read from `service-2.json`. */
export interface ServiceModel {
  readonly metadata: { readonly targetPrefix?: string; readonly jsonVersion?: string; readonly serviceId: string }
  readonly operations: Readonly<Record<string, Operation>>
  readonly shapes: Readonly<Record<string, Shape>>
}
export interface Operation {
  readonly http: { readonly method: string; readonly requestUri: string }
  readonly input?: { readonly shape: string }
  readonly output?: { readonly shape: string }
}
export interface Shape {
  readonly type: string
  readonly required?: readonly string[]
  readonly members?: Readonly<Record<string, { readonly shape: string }>>
  readonly member?: { readonly shape: string }
  readonly key?: { readonly shape: string }
  readonly value?: { readonly shape: string }
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly min?: number
  readonly max?: number
  readonly union?: boolean
}

/**
 * Installs the wheel once for all projects: its digest is checked, nothing of it is run.
 * @returns the folder of its service models
 */
async function serviceModels(): Promise<string> {
  const folder = join(cacheHome(), `botocore-${version}`)
  const data = join(folder, 'botocore/data')
  if (existsSync(data)) return data
  mkdirSync(cacheHome(), { recursive: true, mode: 0o700 })
  const fresh = mkdtempSync(join(cacheHome(), 'new-botocore-'))
  try {
    const requirements = join(fresh, 'requirements.txt')
    writeFileSync(requirements, `botocore==${version} --hash=sha256:${sha256}\n`)
    await run('python3', [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--no-compile'],
      ...['--require-hashes', '--target', fresh, '-r', requirements],
    ])
    renameSync(fresh, folder)
  } catch (error) {
    // Another process may have been faster: its copy is as good.
    if (!existsSync(data)) throw error
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return data
}

/** The model of a service, as AWS's own Python client has it. */
export async function serviceModel(name: ServiceName): Promise<ServiceModel> {
  const file = join(await serviceModels(), folders[name], 'service-2.json.gz')
  return JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as ServiceModel
}
