import { setTimeout as sleep } from 'node:timers/promises'
import { SlipwayError } from '../formats/errors.ts'

/** An address that says itself who may use it, for some minutes. It is a secret: messages name its host alone. */
export interface SignedAddress {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly kind: SignedKind
}
/** As MLflow's `ArtifactCredentialType` calls them; `PLAIN` of the files API, which takes a PUT. */
export type SignedKind = 'AZURE_SAS_URI' | 'AZURE_ADLS_GEN2_SAS_URI' | 'AWS_PRESIGNED_URL' | 'GCP_SIGNED_URL' | 'PLAIN'

/** How long one file is waited for, ms. */
const timeoutMs = 600_000
/** How often a file is tried; what is refused as expired is asked for anew. */
const attempts = 4
/** What Azure takes at once at most, bytes: as MLflow's own client parts files. */
const chunkBytes = 100 * 1024 * 1024
/** A file of a model is kept in memory: the largest that Node 20 can. */
export const largestFile = 4 * 1024 ** 3 - 1

/** A failure that another address, or another moment, may mend. */
class Passing extends Error {}

/**
 * Storage that is reached by signed addresses. They are followed to no other host, and no token of ours goes there.
 * @param isLocal whether addresses of this machine need no TLS: only where the server itself is on it
 */
export class SignedStorage {
  private readonly isLocal: boolean

  constructor(isLocal: boolean) {
    this.isLocal = isLocal
  }

  /** @param sign makes an address, and another where the last one has expired */
  async put(sign: () => Promise<SignedAddress>, content: Uint8Array): Promise<void> {
    await this.patiently(sign, async (address) => {
      if (address.kind === 'AZURE_SAS_URI') await this.putBlocks(address, content)
      else if (address.kind === 'AZURE_ADLS_GEN2_SAS_URI') await this.putPath(address, content)
      else await this.ask(address, 'PUT', content)
    })
  }

  /** @param size that the file has, where that is known @returns undefined where there is none */
  async get(sign: () => Promise<SignedAddress>, size?: number): Promise<Buffer | undefined> {
    return this.patiently(sign, async (address) => {
      const response = await this.ask(address, 'GET')
      if (response.status === 404) return undefined
      const bytes = await readAtMost(response, size ?? largestFile)
      const told = Number(response.headers.get('content-length') ?? bytes.length)
      const isEncoded = response.headers.has('content-encoding')
      if (bytes.length !== (size ?? (isEncoded ? bytes.length : told)))
        throw new Passing(`${bytes.length} bytes of ${size ?? told} came`)
      return bytes
    })
  }

  /** Azure's Put Block and Put Block List. */
  private async putBlocks(address: SignedAddress, content: Uint8Array): Promise<void> {
    const ids: string[] = []
    for (let start = 0; start < content.length || start === 0; start += chunkBytes) {
      const id = Buffer.from(String(ids.length).padStart(8, '0')).toString('base64')
      const block = addressWith(address, { comp: 'block', blockid: id }, { 'x-ms-blob-type': 'BlockBlob' })
      await this.ask(block, 'PUT', content.subarray(start, start + chunkBytes))
      ids.push(id)
    }
    const list = ids.map((id) => `<Uncommitted>${id}</Uncommitted>`).join('')
    const xml = `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`
    await this.ask(addressWith(address, { comp: 'blocklist' }), 'PUT', Buffer.from(xml))
  }

  /** Azure Data Lake's Path Create and Path Update. */
  private async putPath(address: SignedAddress, content: Uint8Array): Promise<void> {
    await this.ask(addressWith(address, { resource: 'file' }), 'PUT')
    for (let position = 0; position < content.length; position += chunkBytes)
      await this.ask(
        addressWith(address, { action: 'append', position: String(position) }),
        'PATCH',
        content.subarray(position, position + chunkBytes),
      )
    await this.ask(addressWith(address, { action: 'flush', position: String(content.length) }), 'PATCH')
  }

  private async patiently<T>(
    sign: () => Promise<SignedAddress>,
    use: (address: SignedAddress) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const address = await sign()
      try {
        return await use(address)
      } catch (error) {
        if (!(error instanceof Passing)) throw error
        if (attempt === attempts)
          throw new SlipwayError('USAGE', `${hostOf(address.url)} fails by signed addresses: ${error.message}`, {
            next: 'try again later: what was done is not done twice',
          })
        await sleep(100 * 4 ** (attempt - 1))
      }
    }
  }

  /** @returns what was answered: that it went well, or of a GET that there is nothing */
  private async ask({ url, headers }: SignedAddress, method: string, content?: Uint8Array): Promise<Response> {
    this.check(url)
    const signal = AbortSignal.timeout(timeoutMs)
    const options = {
      method,
      headers,
      redirect: 'manual' as const,
      signal,
      ...(content !== undefined && { body: content }),
    }
    const response = await fetch(url, options).catch((error: Error) => {
      throw new Passing((error.cause as Error | undefined)?.message ?? error.message)
    })
    if (response.ok || (method === 'GET' && response.status === 404)) return response
    await response.body?.cancel()
    if (response.status >= 300 && response.status < 400)
      throw new SlipwayError('USAGE', `${hostOf(url)} sends a signed request elsewhere, which is not followed`)
    // Expired: Amazon and Azure answer 403, Google 400.
    throw new Passing(`it answers ${response.status}`)
  }

  private check(url: string): void {
    const { protocol, hostname, username } = new URL(url)
    const isHere = this.isLocal && protocol === 'http:' && isLoopback(hostname)
    if ((protocol !== 'https:' && !isHere) || username !== '')
      throw new SlipwayError('USAGE', `a file is said to lie at ${protocol}//${hostname}, which is not asked`, {
        next: 'files of Databricks lie at https:// addresses',
      })
  }
}

export const isLoopback = (hostname: string): boolean => /^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname)

const hostOf = (url: string): string => new URL(url).host

/** The same address with more in its query. */
function addressWith(
  address: SignedAddress,
  query: Record<string, string>,
  headers: Record<string, string> = {},
): SignedAddress {
  const url = new URL(address.url)
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value)
  return { ...address, url: url.href, headers: { ...address.headers, ...headers } }
}

/** @throws Passing where more comes than there should be */
async function readAtMost(response: Response, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length
      if (length > most) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw new Passing((error as Error).message)
  }
  if (length > most) throw new Passing(`more than ${most} bytes came`)
  return Buffer.concat(chunks)
}
