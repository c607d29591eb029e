import { SlipwayError } from '../formats/errors.ts'
import type { ModelFile } from './mlflow-model.ts'
import { RestClient, type RestSettings } from './rest.ts'

export interface MlflowTag {
  readonly key: string
  readonly value: string
}

export interface MlflowMetric {
  readonly key: string
  readonly value: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly step: number
}

/** A version with where its files are. */
export interface StoredVersion extends Required<MlflowVersion> {
  readonly artifacts: string
}

export interface RegisteredModel {
  readonly aliases: readonly { readonly alias: string; readonly version: string }[]
  readonly tags: readonly MlflowTag[]
}

export interface MlflowVersion {
  readonly version: string
  readonly tags?: readonly MlflowTag[]
}

/** The part of MLflow's REST API (mlflow.org, REST API) that runs, versions and aliases are written by. */
export class MlflowServer {
  protected readonly rest: RestClient

  constructor(settings: RestSettings) {
    this.rest = new RestClient(settings)
  }

  /** The id of an experiment, which is made if there is none of that name. */
  async experiment(name: string): Promise<string> {
    const found = await this.rest.ask(
      'GET',
      `mlflow/experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`,
    )
    if (found !== undefined) return (found as { experiment: { experiment_id: string } }).experiment.experiment_id
    return ((await this.rest.post('mlflow/experiments/create', { name })) as { experiment_id: string }).experiment_id
  }

  /** The run of an experiment that has a tag. */
  async findRun(experiment: string, { key, value }: MlflowTag): Promise<MlflowRun | undefined> {
    const filter = `tags.\`${key}\` = '${value}'`
    const found = await this.rest.post('mlflow/runs/search', { experiment_ids: [experiment], filter, max_results: 1 })
    return (found as { runs?: MlflowRun[] }).runs?.[0]
  }

  async createRun(experiment: string, name: string, startedAt: number, tags: readonly MlflowTag[]): Promise<MlflowRun> {
    const made = await this.rest.post('mlflow/runs/create', {
      experiment_id: experiment,
      run_name: name,
      start_time: startedAt,
      tags,
    })
    return (made as { run: MlflowRun }).run
  }

  async logBatch(run: string, metrics: readonly MlflowMetric[], params: readonly MlflowTag[]): Promise<void> {
    await this.rest.post('mlflow/runs/log-batch', { run_id: run, metrics, params })
  }

  async endRun(run: string, status: 'FINISHED' | 'FAILED' | 'KILLED', endedAt: number): Promise<void> {
    await this.rest.post('mlflow/runs/update', { run_id: run, status, end_time: endedAt })
  }

  async setTag(run: string, { key, value }: MlflowTag): Promise<void> {
    await this.rest.post('mlflow/runs/set-tag', { run_id: run, key, value })
  }

  /** Takes a tag from a run, if it has it. */
  async deleteTag(run: string, key: string): Promise<void> {
    await this.rest.ask('POST', 'mlflow/runs/delete-tag', { run_id: run, key })
  }

  /** Stores a file below the artifacts of a run. @throws SlipwayError USAGE where the server stores none itself */
  async putArtifact({ info }: MlflowRun, path: string, content: Uint8Array): Promise<void> {
    await this.rest.send('PUT', `mlflow-artifacts/artifacts/${this.placeOf(info.artifact_uri, path)}`, content)
  }

  /** The path of an artifact by which the server gives and takes it. */
  private placeOf(root: string, path: string): string {
    if (!root.startsWith('mlflow-artifacts:/'))
      throw new SlipwayError(
        'USAGE',
        `the MLflow server keeps artifacts at ${root}, which it does not hand out itself`,
        {
          next: 'start it with --serve-artifacts, which is its default, and use a new experiment',
        },
      )
    const place = `${root.replace(/^mlflow-artifacts:\/+/, '')}/${path}`
    return place.split('/').map(encodeURIComponent).join('/')
  }

  /** A registered model with its aliases; undefined where there is none of that name. */
  async registeredModel(model: string): Promise<RegisteredModel | undefined> {
    const found = await this.rest.ask('GET', `mlflow/registered-models/get?name=${encodeURIComponent(model)}`)
    const known = (found as { registered_model?: Partial<RegisteredModel> } | undefined)?.registered_model
    return known && { aliases: known.aliases ?? [], tags: known.tags ?? [] }
  }

  /** Makes a registered model if there is none of that name. */
  async ensureModel(model: string): Promise<void> {
    if ((await this.registeredModel(model)) === undefined)
      await this.rest.post('mlflow/registered-models/create', { name: model })
  }

  async setModelTag(model: string, { key, value }: MlflowTag): Promise<void> {
    await this.rest.post('mlflow/registered-models/set-tag', { name: model, key, value })
  }

  /** Versions of a registered model. */
  async versions(model: string): Promise<MlflowVersion[]> {
    const found: MlflowVersion[] = []
    for (let token = ''; ; ) {
      const filter = encodeURIComponent(`name='${model}'`)
      const page = `mlflow/model-versions/search?filter=${filter}&max_results=1000&page_token=${encodeURIComponent(token)}`
      const answer = (await this.rest.ask('GET', page)) as {
        model_versions?: MlflowVersion[]
        next_page_token?: string
      }
      found.push(...(answer.model_versions ?? []))
      token = answer.next_page_token ?? ''
      if (token === '') return found
    }
  }

  /** A version by its number or an alias, and where its files are; undefined where there is none. */
  async findVersion(model: string, which: { alias: string } | { version: string }): Promise<StoredVersion | undefined> {
    // A server refuses an alias that a model does not have as if it were malformed; `latest` no model has and all know.
    if ('alias' in which && which.alias.toLowerCase() !== 'latest') {
      const { aliases = [] } = (await this.registeredModel(model)) ?? {}
      const version = aliases.find(({ alias }) => alias === which.alias)?.version
      return version === undefined ? undefined : this.findVersion(model, { version })
    }
    const query = new URLSearchParams({ name: model, ...which })
    const found = await this.rest.ask(
      'GET',
      `mlflow/${'alias' in which ? 'registered-models/alias' : 'model-versions/get'}?${query}`,
    )
    if (found === undefined) return undefined
    const { version, tags = [] } = (found as { model_version: MlflowVersion }).model_version
    const place = new URLSearchParams({ name: model, version })
    const uri = (await this.rest.ask('GET', `mlflow/model-versions/get-download-uri?${place}`)) as {
      artifact_uri: string
    }
    return { version, tags, artifacts: uri.artifact_uri }
  }

  /**
   * A file of a version; undefined where it has none of that path. @throws SlipwayError USAGE where the server has it
   * not
   */
  async getArtifact({ artifacts }: StoredVersion, path: string): Promise<Buffer | undefined> {
    return this.rest.send('GET', `mlflow-artifacts/artifacts/${this.placeOf(artifacts, path)}`)
  }

  /** Names of the files of a version, those in folders of it left out. */
  async listArtifacts({ artifacts }: StoredVersion): Promise<string[]> {
    const path = this.placeOf(artifacts, '').replace(/\/$/, '')
    const found = await this.rest.ask('GET', `mlflow-artifacts/artifacts?path=${path}`)
    const { files = [] } = (found ?? {}) as { files?: { path: string; is_dir?: boolean }[] }
    return files.flatMap((file) => (file.is_dir === true ? [] : [file.path]))
  }

  /**
   * Registers what a run has below a path.
   * @param _files what that is, for registries that keep it themselves
   * @returns the number of the version; undefined where a registry takes no such model
   */
  async createVersion(
    model: string,
    { info }: MlflowRun,
    path: string,
    tags: readonly MlflowTag[],
    _files?: readonly ModelFile[],
  ): Promise<string | undefined> {
    const source = `${info.artifact_uri}/${path}`
    const asked = { name: model, source, run_id: info.run_id, tags }
    const made = await this.rest.post('mlflow/model-versions/create', asked)
    return (made as { model_version: MlflowVersion }).model_version.version
  }

  async setAlias(model: string, alias: string, version: string): Promise<void> {
    await this.rest.post('mlflow/registered-models/alias', { name: model, alias, version })
  }

  async deleteAlias(model: string, alias: string): Promise<void> {
    await this.rest.ask('DELETE', 'mlflow/registered-models/alias', { name: model, alias })
  }
}

export interface MlflowRun {
  readonly info: { readonly run_id: string; readonly artifact_uri: string }
  readonly data?: { readonly tags?: readonly MlflowTag[] }
}

/** As MLflow's own clients are told who they are. */
export function mlflowAuthorization(env: NodeJS.ProcessEnv): string | undefined {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password = '' } = env
  if (token !== undefined) return `Bearer ${token}`
  return user === undefined ? undefined : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
