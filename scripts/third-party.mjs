// The licences of packages that are inside one of ours.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { notices, packageFolders } from './users-manifest.mjs'

/**
 * Versions of packages inside, by name. Where two of one name are, that beside our own sources counts.
 * @param root of the repository
 * @param sources that were bundled, from there
 */
export function versionsOf(root, sources) {
  const found = packagesOf(root, sources).sort((a, b) => b.folder.length - a.folder.length)
  const versions = Object.fromEntries(found.map(({ name, version }) => [name, version]))
  return Object.fromEntries(Object.entries(versions).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The text of THIRD-PARTY.txt. */
export const noticesOf = (root, sources) => notices(packagesOf(root, sources))

function packagesOf(root, sources) {
  return packageFolders(sources)
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
      return { folder, name, version, license: license ?? 'see its text', text: licenceIn(join(root, folder)) }
    })
}

function licenceIn(folder) {
  const files = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)(\.|-|$)/i.test(name))
  if (files.length === 0) return undefined
  return files
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
}

/** Files that were bundled into those of a folder, by the maps beside them. */
export function bundledSources(folder) {
  const maps = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js.map'))
  const sources = maps.flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).sources)
  return [...new Set(sources)]
}
