import { setTimeout as sleep } from 'node:timers/promises'
import { SlipwayError } from '../formats/errors.ts'
import {
  type MlflowRun,
  MlflowServer,
  type MlflowTag,
  type MlflowVersion,
  type RegisteredModel,
  type StoredVersion,
} from './mlflow.ts'
import type { ModelFile } from './mlflow-model.ts'
import { FilesFolder, type ModelFolder, openFolder, type StoredFile } from './model-folders.ts'
import type { RestSettings } from './rest.ts'
import { isLoopback, largestFile, type SignedAddress, type SignedKind, SignedStorage } from './signed.ts'

export interface DatabricksSettings extends RestSettings {
  /** Workspace folder that experiments lie in: `/Shared`. */
  readonly folder?: string
  /** `catalog.schema` of models that are named without. */
  readonly schema?: string | undefined
  /** How long a version that is being registered is waited for, ms. */
  readonly patienceMs?: number
}

/** A version as Unity Catalog tells it. */
interface CatalogVersion extends MlflowVersion {
  readonly status?: 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY' | 'UNSPECIFIED'
  readonly status_message?: string
  readonly storage_location?: string
}

const catalog = 'mlflow/unity-catalog'

/**
 * A Databricks workspace: runs in its own MLflow server, with files by signed addresses; models in Unity Catalog, whose
 * versions have folders of their own. It is asked as MLflow's client asks it (mlflow 3.17, `databricks-uc`).
 */
export class DatabricksServer extends MlflowServer {
  private readonly own: DatabricksSettings
  private readonly signed: SignedStorage
  private readonly folders = new Map<string, { readonly folder: ModelFolder; files?: readonly StoredFile[] }>()
  /** Versions that are ready, which do not change any more: a list of versions is without their tags. */
  private readonly ready = new Map<string, CatalogVersion>()

  constructor(settings: DatabricksSettings) {
    super(settings)
    this.own = settings
    this.signed = new SignedStorage(isLoopback(new URL(settings.address).hostname))
  }

  override experiment(name: string): Promise<string> {
    return super.experiment(name.startsWith('/') ? name : `${this.own.folder ?? '/Shared'}/${name}`)
  }

  override async putArtifact({ info }: MlflowRun, path: string, content: Uint8Array): Promise<void> {
    const [, volume] = /^dbfs:(\/Volumes\/.+?)\/*$/.exec(info.artifact_uri) ?? []
    if (volume !== undefined) return new FilesFolder(this.rest, volume).put(path, content)
    if (!info.artifact_uri.startsWith('dbfs:/databricks/mlflow-tracking/'))
      throw new SlipwayError('USAGE', `artifacts of run ${info.run_id} lie at ${info.artifact_uri}`, {
        next: 'use an experiment whose artifacts Databricks keeps, or a volume of Unity Catalog',
      })
    await this.signed.put(() => this.signFor(info.run_id, path), content)
  }

  private async signFor(run: string, path: string): Promise<SignedAddress> {
    const asked = { run_id: run, path: [path] }
    const answer = await this.rest.post('mlflow/artifacts/credentials-for-write', asked)
    type Info = { signed_uri: string; headers?: { name: string; value: string }[]; type: SignedKind }
    const [info] = (answer as { credential_infos?: Info[] }).credential_infos ?? []
    if (info === undefined) throw new SlipwayError('USAGE', `${this.rest.name} signs no address for ${path}`)
    const headers = Object.fromEntries((info.headers ?? []).map(({ name, value }) => [name, value]))
    return { url: info.signed_uri, headers, kind: info.type }
  }

  override async registeredModel(model: string): Promise<RegisteredModel | undefined> {
    const query = new URLSearchParams({ name: this.fullName(model) })
    const found = await this.rest.ask('GET', `${catalog}/registered-models/get?${query}`)
    const known = (found as { registered_model?: Partial<RegisteredModel> } | undefined)?.registered_model
    return known && { aliases: known.aliases ?? [], tags: (known.tags ?? []).map(tagIn) }
  }

  override async ensureModel(model: string): Promise<void> {
    if ((await this.registeredModel(model)) === undefined)
      await this.rest.post(`${catalog}/registered-models/create`, { name: this.fullName(model) })
  }

  override async setModelTag(model: string, tag: MlflowTag): Promise<void> {
    await this.rest.post(`${catalog}/registered-models/set-tag`, { name: this.fullName(model), ...tagOut(tag) })
  }

  /** Those whose files are all there. */
  override async versions(model: string): Promise<MlflowVersion[]> {
    return (await this.allVersions(model)).filter(({ status }) => status === 'READY')
  }

  private async allVersions(model: string): Promise<CatalogVersion[]> {
    const found: CatalogVersion[] = []
    for (let token: string | undefined; token !== ''; ) {
      const query = new URLSearchParams({
        filter: `name='${this.fullName(model)}'`,
        ...(token !== undefined && { page_token: token }),
      })
      const page = (await this.rest.ask('GET', `${catalog}/model-versions/search?${query}`)) ?? {}
      const { model_versions: versions = [], next_page_token: next = '' } = page as {
        model_versions?: CatalogVersion[]
        next_page_token?: string
      }
      for (const { version } of versions) {
        const whole = await this.version(model, version)
        if (whole !== undefined) found.push(whole)
      }
      token = next
    }
    return found
  }

  private async version(model: string, version: string): Promise<CatalogVersion | undefined> {
    const name = this.fullName(model)
    const known = this.ready.get(`${name}/${version}`)
    if (known !== undefined) return known
    const query = new URLSearchParams({ name, version })
    const found = await this.rest.ask('GET', `${catalog}/model-versions/get?${query}`)
    if (found === undefined) return undefined
    const told = (found as { model_version: CatalogVersion }).model_version
    const whole = { ...told, tags: (told.tags ?? []).map(tagIn) }
    if (whole.status === 'READY') this.ready.set(`${name}/${version}`, whole)
    return whole
  }

  /** @throws SlipwayError USAGE for a version whose files are not all there */
  override async findVersion(
    model: string,
    which: { alias: string } | { version: string },
  ): Promise<StoredVersion | undefined> {
    const { aliases = [] } = 'alias' in which ? ((await this.registeredModel(model)) ?? {}) : {}
    const number = 'version' in which ? which.version : aliases.find(({ alias }) => alias === which.alias)?.version
    const found = number === undefined ? undefined : await this.version(model, number)
    if (found === undefined) return undefined
    const { version, status, tags = [] } = found
    if (status !== 'READY') throw this.unready(model, found)
    return { version, tags, artifacts: `models:/${this.fullName(model)}/${version}` }
  }

  override async getArtifact({ artifacts }: StoredVersion, path: string): Promise<Buffer | undefined> {
    const place = await this.read(artifacts)
    const file = (await this.filesOf(place)).find((each) => each.path === path)
    if ((file?.size ?? 0) > largestFile)
      throw new SlipwayError('MODEL_INVALID', `${path} of ${artifacts} has ${file?.size} bytes, and 4 GiB are the most`)
    return file && place.folder.get(file)
  }

  override async listArtifacts({ artifacts }: StoredVersion): Promise<string[]> {
    return (await this.filesOf(await this.read(artifacts))).map(({ path }) => path)
  }

  private async filesOf(place: { folder: ModelFolder; files?: readonly StoredFile[] }) {
    place.files ??= await place.folder.list()
    return place.files
  }

  private async read(artifacts: string) {
    const known = this.folders.get(artifacts)
    if (known !== undefined) return known
    const [, model = '', version = ''] = /^models:\/([^/]+)\/(\d+)$/.exec(artifacts) ?? []
    const query = new URLSearchParams({ name: model, version })
    const uri = (await this.rest.ask('GET', `${catalog}/model-versions/get-download-uri?${query}`)) as
      | { artifact_uri?: string }
      | undefined
    const { rest, signed } = this
    const location = uri?.artifact_uri ?? ''
    const folder = await openFolder({ rest, signed, model, version, location, mayWrite: false })
    this.folders.set(artifacts, { folder })
    return { folder }
  }

  /** A model without files is not registered: Unity Catalog takes models with signatures alone. */
  override async createVersion(
    model: string,
    { info }: MlflowRun,
    path: string,
    tags: readonly MlflowTag[],
    files: readonly ModelFile[] = [],
  ): Promise<string | undefined> {
    if (files.length === 0) return undefined
    const name = this.fullName(model)
    // One that was broken off before its files were all there is gone on with.
    const begun = (await this.allVersions(model)).find(
      ({ status, tags: own = [] }) =>
        status === 'PENDING_REGISTRATION' &&
        tags.every(({ key, value }) => own.some((tag) => tag.key === key && tag.value === value)),
    )
    const source = `${info.artifact_uri}/${path}`
    const asked = { name, source, run_id: info.run_id, tags: tags.map(tagOut) }
    const made =
      begun ??
      ((await this.rest.post(`${catalog}/model-versions/create`, asked)) as { model_version: CatalogVersion })
        .model_version
    const { version, storage_location: location = '' } = made
    const { rest, signed } = this
    const folder = await openFolder({ rest, signed, model: name, version, location, mayWrite: true })
    for (const [file, content] of files) await folder.put(file, Buffer.from(content))
    await this.rest.post(`${catalog}/model-versions/finalize`, { name, version })
    await this.untilReady(model, version)
    return version
  }

  private async untilReady(model: string, version: string): Promise<void> {
    const until = Date.now() + (this.own.patienceMs ?? 60_000)
    for (let wait = 100; ; wait = Math.min(wait * 2, 5_000)) {
      const now = (await this.version(model, version)) ?? { version }
      if (now.status === 'READY') return
      if (now.status === 'FAILED_REGISTRATION' || Date.now() + wait > until) throw this.unready(model, now)
      await sleep(wait)
    }
  }

  private unready(model: string, { version, status, status_message: why }: CatalogVersion): SlipwayError {
    const name = `version ${version} of ${this.fullName(model)}`
    if (status === 'FAILED_REGISTRATION')
      return new SlipwayError('USAGE', `${name} failed to be registered${why ? `: ${why}` : ''}`, {
        next: 'see it in Catalog Explorer; another one is made where this is done again',
      })
    return new SlipwayError('USAGE', `${name} is not ready: it is ${status ?? 'gone'}`, {
      next: 'do this again later: it goes on where this ended',
    })
  }

  override async setAlias(model: string, alias: string, version: string): Promise<void> {
    await this.rest.post(`${catalog}/registered-models/alias`, { name: this.fullName(model), alias, version })
  }

  override async deleteAlias(model: string, alias: string): Promise<void> {
    await this.rest.ask('DELETE', `${catalog}/registered-models/alias`, { name: this.fullName(model), alias })
  }

  private fullName(model: string): string {
    const { schema } = this.own
    const name = model.includes('.') || schema === undefined ? model : `${schema}.${model}`
    if (/^[^.\s/]+\.[^.\s/]+\.[^.\s/]+$/.test(name)) return name
    throw new SlipwayError('USAGE', `${name} is no model of Unity Catalog, which are named catalog.schema.model`, {
      next: 'say which schema by --schema catalog.schema',
    })
  }
}

/**
 * Unity Catalog takes none of `.` `,` `-` `=` `/` `:` in keys of tags, of which Slipway's have dots, and by an older
 * version of its documentation none in values either.
 */
const tagOut = ({ key, value }: MlflowTag): MlflowTag => ({
  key: key.replaceAll('.', '_'),
  value: value.replace(/^sha256:/, 'sha256_'),
})
const tagIn = ({ key, value }: MlflowTag): MlflowTag => ({
  key: key.replace(/^slipway_/, 'slipway.'),
  value: value.replace(/^sha256_/, 'sha256:'),
})
