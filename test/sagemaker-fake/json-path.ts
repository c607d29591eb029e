/*
 * JSONPath as a transform job's `DataProcessing` takes it: `$`, `.name`, `['name', …]`, `[1]`, `[1:3]`, and nothing
 * else (Developer Guide, "Associate Prediction Results with Input Records", supported operators).
 */

type Part =
  | { readonly names: readonly string[] }
  | { readonly places: readonly number[] }
  | { readonly from: number; readonly to: number | undefined }

/** @throws Error for what it does not take */
export function jsonPath(path: string): readonly Part[] {
  if (!path.startsWith('$')) throw new Error(`Invalid JSONPath "${path}": it must begin with $`)
  const parts: Part[] = []
  let rest = path.slice(1)
  while (rest !== '') {
    const dotted = /^\.([A-Za-z_]\w*)/.exec(rest)
    const named = /^\.?\[('[^']+'(?:\s*,\s*'[^']+')*)\]/.exec(rest)
    const placed = /^\[(\d+(?:,\d+)*)\]/.exec(rest)
    const sliced = /^\[(\d*):(\d*)\]/.exec(rest)
    const [all = ''] = dotted ?? named ?? placed ?? sliced ?? []
    if (dotted !== null) parts.push({ names: [dotted[1] as string] })
    else if (named !== null)
      parts.push({ names: [...(named[1] as string).matchAll(/'([^']+)'/g)].map(([, name]) => name as string) })
    else if (placed !== null) parts.push({ places: (placed[1] as string).split(',').map(Number) })
    else if (sliced !== null)
      parts.push({ from: Number(sliced[1] || 0), to: sliced[2] === '' ? undefined : Number(sliced[2]) })
    else throw new Error(`Invalid JSONPath "${path}": "${rest}" is not supported`)
    rest = rest.slice(all.length)
  }
  return parts
}

/** What a path selects of a value; several names of an object are an object again. */
export function select(value: unknown, parts: readonly Part[]): unknown {
  let found = value
  for (const part of parts) {
    if ('names' in part) {
      const fields = (found ?? {}) as Record<string, unknown>
      const chosen = part.names.map((name) => {
        if (!Object.hasOwn(fields, name)) throw new Error(`there is no "${name}"`)
        return [name, fields[name]] as const
      })
      found = chosen.length === 1 ? chosen[0]?.[1] : Object.fromEntries(chosen)
    } else if ('places' in part) {
      const values = found as unknown[]
      found = part.places.length === 1 ? values[part.places[0] as number] : part.places.map((place) => values[place])
    } else found = (found as unknown[]).slice(part.from, part.to)
  }
  return found
}
