import { setTimeout as sleep } from 'node:timers/promises'
import { SlipwayError } from '../formats/errors.ts'

/** A server that is asked over REST, and as whom. */
export interface RestSettings {
  /** `http://127.0.0.1:5000`. */
  readonly address: string
  /** The value of the `authorization` header, or what makes it: anew where the last one was refused. */
  readonly authorization?: string | ((isRefused: boolean) => Promise<string | undefined>) | undefined
  /** What it is called in messages; `the MLflow server` otherwise. */
  readonly name?: string
  /** What to do where it does not know who asks. */
  readonly hint?: string
  /** Whether it may send us elsewhere; as `fetch` does otherwise, which takes `authorization` to no other host. */
  readonly redirect?: 'follow' | 'error'
}

/** How long an answer is waited for, ms, and the sending or coming of a file. */
const timeoutMs = 60_000
const fileTimeoutMs = 600_000
/** How often something is asked at most, and how long that takes at most beside the answers themselves, ms. */
const attempts = 6
const patienceMs = 60_000

/** A server that speaks JSON below `/api/2.0/`, as MLflow and Databricks do. */
export class RestClient {
  readonly address: string
  readonly name: string
  private readonly settings: RestSettings

  constructor(settings: RestSettings) {
    this.settings = settings
    this.address = settings.address.replace(/\/+$/, '')
    this.name = `${settings.name ?? 'the MLflow server'} at ${this.address}`
  }

  /** @throws SlipwayError NOT_FOUND where the server says that there is no such thing */
  async post(path: string, body: unknown): Promise<unknown> {
    const answer = await this.ask('POST', path, body)
    if (answer === undefined) throw new SlipwayError('NOT_FOUND', `${this.address} knows no ${path}`)
    return answer
  }

  /** @returns undefined where the server says that there is no such thing */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.send(method, path, body === undefined ? undefined : JSON.stringify(body))
    return answer === undefined ? undefined : JSON.parse(answer.toString() || '{}')
  }

  /**
   * @param path below `/api/2.0/`
   * @param body JSON where it is a text
   * @returns undefined where the server says that there is no such thing
   */
  async send(method: string, path: string, body?: string | Uint8Array): Promise<Buffer | undefined> {
    const { hint = 'set MLFLOW_TRACKING_TOKEN, or _USERNAME and _PASSWORD' } = this.settings
    const response = await this.patiently(method, path, body)
    const bytes = Buffer.from(await response.arrayBuffer())
    if (response.ok) return bytes
    const { error_code: code, message } = errorIn(bytes.toString())
    if (code === 'RESOURCE_DOES_NOT_EXIST' || (code === 'NOT_FOUND' && response.status === 404)) return undefined
    throw new SlipwayError('USAGE', `${this.name} refuses ${path}: ${message ?? response.status}`, {
      next: response.status === 401 || response.status === 403 ? hint : 'see its log',
    })
  }

  /** Asks again where the server is busy, and once as somebody known anew where it does not know us. */
  private async patiently(method: string, path: string, body?: string | Uint8Array): Promise<Response> {
    let waited = 0
    let isRefused = false
    for (let attempt = 1; ; attempt++) {
      const response = await this.once(method, path, body, isRefused && attempt > 1)
      // What was refused for lack of time was not done; what failed inside may have been.
      const isBusy = response.status === 429 || (response.status === 503 && method === 'GET')
      const isUnknown: boolean = !isRefused && [401, 403].includes(response.status) && this.canRenew
      if (attempt === attempts || (!isBusy && !isUnknown)) return response
      isRefused = isUnknown
      if (!isBusy) continue
      const asked = Number(response.headers.get('retry-after') ?? Number.NaN)
      const wait = Number.isFinite(asked) ? asked * 1_000 : 250 * 2 ** attempt
      waited += wait
      if (waited > patienceMs) return response
      await sleep(wait)
    }
  }

  private get canRenew(): boolean {
    return typeof this.settings.authorization === 'function'
  }

  private async once(method: string, path: string, body: string | Uint8Array | undefined, isRefused: boolean) {
    const { authorization: given, redirect = 'follow' } = this.settings
    const isFile = /^(?:fs\/files|mlflow-artifacts\/artifacts)\//.test(path)
    const authorization = typeof given === 'function' ? await given(isRefused) : given
    const headers = {
      ...(typeof body === 'string' && { 'content-type': 'application/json' }),
      ...(authorization !== undefined && { authorization }),
    }
    const options = {
      method,
      headers,
      redirect,
      signal: AbortSignal.timeout(isFile ? fileTimeoutMs : timeoutMs),
      ...(body !== undefined && { body }),
    }
    return fetch(`${this.address}/api/2.0/${path}`, options).catch((error: Error) => {
      const cause = (error.cause as Error | undefined)?.message ?? error.message
      throw new SlipwayError('USAGE', `${this.name} does not answer: ${cause}`, {
        next: 'see that it runs, and that the address is right',
      })
    })
  }
}

function errorIn(text: string): { readonly error_code?: string; readonly message?: string } {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
