/** What a gateway may refuse a request with. */
export const answeredCodes = [
  'REQUEST_INVALID',
  'KEY_UNKNOWN',
  'EXPLAIN_UNAVAILABLE',
  'UNAUTHORIZED',
  'NOT_FOUND',
  'NOT_ACCEPTABLE',
  'REQUEST_TOO_LARGE',
  'MEDIA_UNSUPPORTED',
  'FEATURES_FAILED',
  'OVERLOADED',
  'DEADLINE_EXCEEDED',
] as const

/** The part of a client that sends: the same for all endpoints but for the names. */
export const transport = (name: string): string => `${typesOf(name)}

${sendingOf(name)}`

const typesOf = (name: string): string => `export interface ${name}Options {
  /** Address of a gateway: \`http://127.0.0.1:8080\`. */
  readonly url: string
  /** Goes along as \`Authorization: Bearer …\`. */
  readonly token?: string
  /** More headers of every request: the key of a sticky rollout. */
  readonly headers?: Readonly<Record<string, string>>
  /** How often a call is tried again that the gateway was too busy for (503), 2 by default. */
  readonly retries?: number
  readonly fetch?: typeof fetch
}

export interface ${name}Call {
  /** Labels name the request by it; the gateway makes one where it is missing. */
  readonly requestId?: string
  readonly headers?: Readonly<Record<string, string>>
  /** After this long the gateway gives up, ms. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface ${name}Served {
  /** What labels name the request by. */
  readonly requestId: string
  /** The version of the model that answered, and its role. */
  readonly version: number
  readonly role: string
}

/** Why a call failed; \`GATEWAY_UNREACHABLE\` where nobody answered. */
export type ${name}ErrorCode =
${[...answeredCodes, 'INTERNAL', 'GATEWAY_UNREACHABLE'].map((code) => `  | '${code}'`).join('\n')}

export class ${name}Error extends Error {
  override readonly name = '${name}Error'
  readonly code: ${name}ErrorCode
  /** HTTP's; 0 where nobody answered. */
  readonly status: number
  readonly requestId: string | null

  constructor(code: ${name}ErrorCode, message: string, status: number, requestId: string | null) {
    super(message)
    this.code = code
    this.status = status
    this.requestId = requestId
  }
}`

const sendingOf = (name: string): string => `const codeOfStatus: Readonly<Record<number, ${name}ErrorCode>> = {
  400: 'REQUEST_INVALID',
  401: 'UNAUTHORIZED',
  404: 'NOT_FOUND',
  406: 'NOT_ACCEPTABLE',
  413: 'REQUEST_TOO_LARGE',
  415: 'MEDIA_UNSUPPORTED',
  422: 'FEATURES_FAILED',
  503: 'OVERLOADED',
  504: 'DEADLINE_EXCEEDED',
}

async function ask(
  { url, token, headers, retries = 2, fetch: send = fetch }: ${name}Options,
  path: string,
  question: unknown,
  call: ${name}Call,
): Promise<{ readonly body: unknown; readonly served: ${name}Served }> {
  const request: RequestInit = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: \`Bearer \${token}\` }),
      ...(call.requestId === undefined ? {} : { 'x-request-id': call.requestId }),
      ...(call.timeoutMs === undefined ? {} : { 'x-request-timeout-ms': String(call.timeoutMs) }),
      ...headers,
      ...call.headers,
    },
    body: JSON.stringify(question),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  }
  for (let attempt = 0; ; attempt++) {
    let response: Response
    let text: string
    try {
      response = await send(url.replace(/\\/$/, '') + path, request)
      text = await response.text()
    } catch (error) {
      if (call.signal?.aborted === true) throw error
      throw new ${name}Error('GATEWAY_UNREACHABLE', \`\${url} does not answer: \${String(error)}\`, 0, null)
    }
    const id = response.headers.get('x-request-id')
    if (response.ok) {
      const version = Number(response.headers.get('x-model-version'))
      const role = response.headers.get('x-slipway-role') ?? ''
      return { body: JSON.parse(text), served: { requestId: id ?? '', version, role } }
    }
    if (response.status === 503 && attempt < retries) {
      await pause(Number(response.headers.get('retry-after') ?? 1), call.signal)
      continue
    }
    const code = (response.headers.get('x-slipway-error') ?? codeOfStatus[response.status]) as ${name}ErrorCode | undefined
    throw new ${name}Error(code ?? 'INTERNAL', messageIn(text) ?? \`status \${response.status}\`, response.status, id)
  }
}

/** @param seconds as the gateway says, ten at most */
function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Math.min(10, Number.isFinite(seconds) ? seconds : 1) * 1000)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}

function messageIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: string }).error
  } catch {
    return undefined
  }
}`
