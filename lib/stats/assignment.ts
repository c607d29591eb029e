/**
 * Where a key falls in [0, 1): FNV-1a over UTF-16 code units (Fowler, Noll & Vo), mixed by MurmurHash3's finaliser
 * (Appleby), so that keys that differ little fall far apart. The same on every gateway and in every run.
 */
export function placeOf(salt: string, key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < salt.length; i++) hash = Math.imul(hash ^ salt.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ 0x2f, 0x01000193)
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

/** Whether a key is the candidate's. Monotone: raising the share moves keys to the candidate only, none back. */
export function isCandidates(salt: string, key: string, share: number): boolean {
  return share > 0 && (share >= 1 || placeOf(salt, key) < share)
}
