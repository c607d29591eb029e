import { parse } from 'yaml'
import { type Handlers, signed } from './tracking.ts'
import { invalid, type Model, missing, pairs, type Version, type World } from './world.ts'

const at = '/mlflow/unity-catalog'
export const folderOf = (model: string, version: string): string => `/Models/${model.replaceAll('.', '/')}/${version}`

/** Unity Catalog's models, and the addresses of their files. */
export function registry(world: World): Handlers {
  const { models } = world
  const modelOf = (name: string): Model => {
    const model = models.get(name)
    if (model === undefined) throw missing(`Routine or Model '${name}'`)
    return model
  }
  const versionOf = (name: string, number: string): Version => {
    const version = modelOf(name).versions.find((each) => each.version === number)
    if (version === undefined) throw missing(`Version ${number} of '${name}'`)
    return version
  }
  return {
    [`POST ${at}/registered-models/create`]: ({ name, tags = [] }) => {
      if (name.split('.').length !== 3) throw invalid(`'${name}' is not a valid name: specify all three levels`)
      if (models.has(name)) throw invalid(`Model '${name}' already exists`)
      models.set(name, { name, tags: new Map(tags.map(checkedTag)), aliases: new Map(), versions: [] })
      return { registered_model: shownModel(modelOf(name)) }
    },
    [`GET ${at}/registered-models/get`]: ({ name }) => ({ registered_model: shownModel(modelOf(name)) }),
    [`POST ${at}/registered-models/set-tag`]: ({ name, ...tag }) => {
      modelOf(name).tags.set(...checkedTag(tag))
      return {}
    },
    [`POST ${at}/registered-models/alias`]: ({ name, alias, version }) => {
      versionOf(name, version)
      modelOf(name).aliases.set(alias, version)
      return {}
    },
    [`DELETE ${at}/registered-models/alias`]: ({ name, alias }) => {
      if (!modelOf(name).aliases.delete(alias)) throw missing(`Alias '${alias}'`)
      return {}
    },
    [`GET ${at}/registered-models/alias`]: ({ name, alias }) => {
      const version = modelOf(name).aliases.get(alias)
      if (version === undefined) throw missing(`Alias '${alias}'`)
      return { model_version: shown(world, name, versionOf(name, version)) }
    },
    [`GET ${at}/registered-models:is-databricks-sdk-models-artifact-repository-enabled`]: () => ({
      is_databricks_sdk_models_artifact_repository_enabled: world.options.storage === 'files',
    }),
    [`POST ${at}/model-versions/create`]: ({ name, source, run_id: runId, tags = [] }) => {
      const { versions } = modelOf(name)
      const version: Version = {
        version: String(versions.length + 1),
        source,
        runId,
        tags: new Map(tags.map(checkedTag)),
        status: 'PENDING_REGISTRATION',
      }
      versions.push(version)
      return { model_version: shown(world, name, version) }
    },
    [`GET ${at}/model-versions/get`]: ({ name, version }) => ({
      model_version: shown(world, name, versionOf(name, version)),
    }),
    // As Unity Catalog's: without tags and aliases, and a page is short.
    [`GET ${at}/model-versions/search`]: ({ filter = '', page_token: token = '0' }) => {
      const name = /^name\s*=\s*'([^']+)'$/.exec(filter)?.[1]
      if (name === undefined) throw invalid(`Unsupported filter ${filter}`)
      const { versions } = modelOf(name)
      const page = versions.slice(Number(token), Number(token) + 2)
      const next = Number(token) + 2
      return {
        model_versions: page.map((each) => ({ ...shown(world, name, each), tags: [], aliases: [] })),
        ...(next < versions.length && { next_page_token: String(next) }),
      }
    },
    [`GET ${at}/model-versions/get-download-uri`]: ({ name, version }) => {
      versionOf(name, version)
      return { artifact_uri: location(world, name, version) }
    },
    [`POST ${at}/model-versions/set-tag`]: ({ name, version, ...tag }) => {
      versionOf(name, version).tags.set(...checkedTag(tag))
      return {}
    },
    [`POST ${at}/model-versions/emit-lineage`]: () => ({}),
    [`POST ${at}/model-versions/generate-temporary-credentials`]: ({ name, version }) => {
      versionOf(name, version)
      return { credentials: credentials(world) }
    },
    [`POST ${at}/model-versions/finalize`]: ({ name, version }) => {
      const found = versionOf(name, version)
      finalize(world, name, found)
      return { model_version: shown(world, name, found) }
    },
    'POST /fs/create-upload-url': ({ path }) => urlOf(path, 'write'),
    'POST /fs/create-download-url': ({ path }) => urlOf(path, 'read'),
  }

  function urlOf(path: string, right: string) {
    const [, name = '', version = ''] = /^\/Models\/(.+?)\/(\d+)\//.exec(path) ?? []
    const { status } = versionOf(name.replaceAll('/', '.'), version)
    if (right === 'write' && status !== 'PENDING_REGISTRATION') throw invalid(`${path} is ${status}: it is not written`)
    const { signed_uri: url, headers } = signed(world, path, right)
    return { url, headers }
  }
}

/** Unity Catalog's own rule and words. */
function checkedTag({ key, value }: { key: string; value: string }): [string, string] {
  if (/[.,\-=/:]/.test(key))
    throw invalid(`Tag name ${key} contains one or more of the reserved characters: List(., ,, -, =, /, :)`)
  return [key, value]
}

function location({ options }: World, model: string, version: string): string {
  const path = `${model.replaceAll('.', '/')}/${version}`
  return options.storage === 's3' ? `s3://${options.bucket?.name}/uc/${path}` : `gs://catalog/${path}`
}

function credentials({ options: { storage, bucket } }: World) {
  if (storage === 's3') return { aws_temp_credentials: bucket?.keys, storage_mode: 'CUSTOMER_HOSTED' }
  if (storage === 'gcp') return { gcp_oauth_token: { oauth_token: 'gcp-secret' }, storage_mode: 'CUSTOMER_HOSTED' }
  return { storage_mode: 'DEFAULT_STORAGE' }
}

/** A version is ready where its files are a model with a signature of inputs and outputs. */
function finalize(world: World, name: string, version: Version): void {
  const { faults, options } = world
  const fault = faults.find((each) => each.becomes !== undefined)
  if (fault !== undefined) {
    faults.splice(faults.indexOf(fault), 1)
    version.status = fault.becomes as Version['status']
    if (version.status === 'FAILED_REGISTRATION') version.message = 'the storage was full'
    return
  }
  if (version.status !== 'PENDING_REGISTRATION') throw invalid(`version ${version.version} is ${version.status}`)
  const text = world.files.get(`${folderOf(name, version.version)}/MLmodel`)?.toString()
  const signature = text === undefined ? undefined : parse(text).signature
  const isWhole = options.storage === 's3' || (signature?.inputs != null && signature?.outputs != null)
  version.status = isWhole ? 'READY' : 'FAILED_REGISTRATION'
  if (!isWhole) version.message = 'a model without a signature'
}

const shownModel = ({ name, tags, aliases }: Model) => ({
  name,
  tags: pairs(tags),
  aliases: [...aliases].map(([alias, version]) => ({ alias, version })),
})

function shown(world: World, name: string, { version, source, runId, tags, status, message }: Version) {
  const aliases = [...(world.models.get(name)?.aliases ?? [])].filter(([, each]) => each === version)
  return {
    name,
    version,
    source,
    ...(runId !== undefined && { run_id: runId }),
    ...(message !== undefined && { status_message: message }),
    status,
    storage_location: location(world, name, version),
    tags: pairs(tags),
    aliases: aliases.map(([alias]) => ({ alias, version })),
  }
}
