import { invalid } from '../../../lib/models/rows.ts'
import { isObject, parseJson } from '../json.ts'

/** The only signature that a model of Slipway has, by the name that SavedModels give their usual one. */
export const signatureName = 'serving_default'

/**
 * A request of TensorFlow Serving's REST API: an object, whose signature is the one there is. Texts may come as
 * `{ "b64": … }`, which is how clients send bytes.
 * @throws SlipwayError REQUEST_INVALID
 */
export function readRequest(body: Buffer): Record<string, unknown> {
  const parsed = parseJson(body)
  const request = body.includes('"b64"') ? decoded(parsed) : parsed
  if (!isObject(request)) throw invalid('expected an object')
  const { signature_name: signature = '' } = request
  if (signature !== '' && signature !== signatureName)
    throw invalid(`there is no signature ${JSON.stringify(signature)}; the model has "${signatureName}"`)
  return request
}

function decoded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decoded)
  if (!isObject(value)) return value
  const keys = Object.keys(value)
  if (keys.length === 1 && typeof value.b64 === 'string') return textOf(value.b64)
  return Object.fromEntries(keys.map((key) => [key, decoded(value[key])]))
}

function textOf(base64: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(base64, 'base64'))
  } catch {
    throw invalid('what "b64" holds is no UTF-8 text')
  }
}
