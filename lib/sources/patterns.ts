import { dirname } from 'node:path'

/** Spark's own files and everybody's hidden ones begin with `_` or `.`: they are no data. */
export const isData = (path: string): boolean => !path.split('/').some((part) => /^[_.]/.test(part))
/** All files of a folder. */
const anyFile = '**/*'

/** Whether a path names several files. */
export const isGlob = (path: string): boolean => /[*?{[]/.test(path)
/** What of a path comes before what may vary: `in/2024-*.csv` → `in/2024-`. */
export const fixedPart = (path: string): string => /^[^*?{[]*/.exec(path)?.[0] ?? ''
/** A pattern in two, so that brackets in names of folders are no pattern: `a (1)/*.csv` → `a (1)/` and `*.csv`. */
export function splitPattern(pattern: string): { readonly folder: string; readonly rest: string } {
  const at = fixedPart(pattern).lastIndexOf('/') + 1
  return { folder: pattern.slice(0, at), rest: pattern.slice(at) }
}
/** The folder that holds all a path or glob may find: `in`. */
export const fixedFolder = (path: string): string => dirname(`${fixedPart(path)}x`)
/** A folder, with its slash behind it, as the glob of all its files. */
export const patternOf = (path: string): string => (path === '' || path.endsWith('/') ? `${path}${anyFile}` : path)
