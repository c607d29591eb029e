import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether an `Authorization` header bears one of some tokens; they are compared by digest, in constant time. */
export function bearerCheck(tokens: readonly string[]): (authorization: string | undefined) => boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const known = tokens.map(digest)
  return (authorization) => {
    const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return false
    const given = digest(token)
    return known.some((each) => timingSafeEqual(each, given))
  }
}
