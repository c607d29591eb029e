import { SlipwayError } from '../formats/errors.ts'
import type { RestClient } from './rest.ts'
import { S3Folder } from './s3-folder.ts'
import type { SignedAddress, SignedStorage } from './signed.ts'

/** A file of a model version, by its path in it. */
export interface StoredFile {
  readonly path: string
  /** Bytes, where the storage tells. */
  readonly size?: number | undefined
}

/** Where the files of a model version lie. */
export interface ModelFolder {
  put(path: string, content: Uint8Array): Promise<void>
  /** @returns undefined where there is none */
  get(file: StoredFile): Promise<Buffer | undefined>
  /** Those beside `MLmodel`; files in folders are left out. */
  list(): Promise<StoredFile[]>
}

/** A version in Unity Catalog, and how its folder is reached. */
export interface FolderOf {
  readonly rest: RestClient
  readonly signed: SignedStorage
  /** `catalog.schema.model`. */
  readonly model: string
  readonly version: string
  /** Where its catalog keeps it: `s3://bucket/…`. */
  readonly location: string
  readonly mayWrite: boolean
}

/** What Unity Catalog answers to who asks for the keys of a version's storage. */
export interface Credentials {
  readonly storage_mode?: string
  /** Milliseconds since 1970. */
  readonly expiration_time?: number
  readonly aws_temp_credentials?: {
    readonly access_key_id: string
    readonly secret_access_key: string
    readonly session_token: string
  }
  readonly azure_user_delegation_sas?: { readonly sas_token: string }
  readonly gcp_oauth_token?: unknown
  readonly r2_temp_credentials?: unknown
  readonly encryption_details?: {
    readonly sse_encryption_details?: { readonly algorithm?: string; readonly aws_kms_key_arn?: string }
  }
}

/**
 * The folder of a version, found as MLflow's own client finds it: the files API where the workspace says so, signed
 * addresses where Databricks keeps the files, keys of the catalog's own storage elsewhere.
 * @throws SlipwayError USAGE for storage that is not offered
 */
export async function openFolder(of: FolderOf): Promise<ModelFolder> {
  const { rest, model, version, mayWrite } = of
  const files = `/Models/${model.replaceAll('.', '/')}/${version}`
  const flag = 'is-databricks-sdk-models-artifact-repository-enabled'
  const asked = (await rest.ask('GET', `mlflow/unity-catalog/registered-models:${flag}`)) as
    | { is_databricks_sdk_models_artifact_repository_enabled?: boolean }
    | undefined
  if (asked?.is_databricks_sdk_models_artifact_repository_enabled === true) return new FilesFolder(rest, files)
  const credentials = async (): Promise<Credentials> => {
    const operation = mayWrite ? 'MODEL_VERSION_OPERATION_READ_WRITE' : 'MODEL_VERSION_OPERATION_READ'
    const path = 'mlflow/unity-catalog/model-versions/generate-temporary-credentials'
    const answer = await rest.post(path, { name: model, version, operation })
    return (answer as { credentials: Credentials }).credentials
  }
  const first = await credentials()
  if (first.storage_mode === 'DEFAULT_STORAGE') return new SignedFolder(rest, of.signed, files)
  if (first.aws_temp_credentials !== undefined) return new S3Folder(of.location, first, credentials)
  const [kind = 'none'] = Object.keys(first).filter((key) => /_(credentials|sas|token)$/.test(key))
  throw new SlipwayError('USAGE', `the files of ${model} lie in storage that Slipway does not reach: ${kind}`, {
    next: 'use a catalog whose models lie in default storage or in S3',
  })
}

const escaped = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

/** Files directly in a folder, as the files API lists them. */
async function listFiles(rest: RestClient, folder: string): Promise<StoredFile[]> {
  const found: StoredFile[] = []
  for (let token = ''; ; ) {
    const page = token === '' ? '' : `?page_token=${encodeURIComponent(token)}`
    const answer = ((await rest.ask('GET', `fs/directories${escaped(folder)}${page}`)) ?? {}) as {
      contents?: { path: string; is_directory?: boolean; file_size?: number }[]
      next_page_token?: string
    }
    for (const { path, is_directory: isFolder, file_size: size } of answer.contents ?? [])
      if (isFolder !== true && path.startsWith(`${folder}/`)) found.push({ path: path.slice(folder.length + 1), size })
    token = answer.next_page_token ?? ''
    if (token === '') return found
  }
}

/** Through the workspace itself (docs.databricks.com, Files API). */
export class FilesFolder implements ModelFolder {
  private readonly rest: RestClient
  private readonly folder: string

  /** @param folder `/Models/…` or `/Volumes/…` */
  constructor(rest: RestClient, folder: string) {
    this.rest = rest
    this.folder = folder
  }

  async put(path: string, content: Uint8Array): Promise<void> {
    await this.rest.send('PUT', `fs/files${escaped(`${this.folder}/${path}`)}?overwrite=true`, content)
  }

  async get({ path, size }: StoredFile): Promise<Buffer | undefined> {
    const bytes = await this.rest.send('GET', `fs/files${escaped(`${this.folder}/${path}`)}`)
    if (bytes !== undefined && bytes.length !== (size ?? bytes.length))
      throw new SlipwayError('USAGE', `${this.folder}/${path} has ${bytes.length} bytes, and should have ${size}`)
    return bytes
  }

  list(): Promise<StoredFile[]> {
    return listFiles(this.rest, this.folder)
  }
}

/** By addresses that the workspace signs for one file each. */
class SignedFolder implements ModelFolder {
  private readonly rest: RestClient
  private readonly signed: SignedStorage
  private readonly folder: string

  constructor(rest: RestClient, signed: SignedStorage, folder: string) {
    this.rest = rest
    this.signed = signed
    this.folder = folder
  }

  put(path: string, content: Uint8Array): Promise<void> {
    return this.signed.put(() => this.sign('upload', path), content)
  }

  get({ path, size }: StoredFile): Promise<Buffer | undefined> {
    return this.signed.get(() => this.sign('download', path), size)
  }

  list(): Promise<StoredFile[]> {
    return listFiles(this.rest, this.folder)
  }

  private async sign(what: 'upload' | 'download', path: string): Promise<SignedAddress> {
    const answer = await this.rest.post(`fs/create-${what}-url`, { path: `${this.folder}/${path}` })
    const { url, headers = [] } = answer as { url: string; headers?: { name: string; value: string }[] }
    return { url, headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])), kind: 'PLAIN' }
  }
}
