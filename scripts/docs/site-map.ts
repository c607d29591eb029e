import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { globSync } from 'tinyglobby'
import { type Page, readPage } from './markdown.ts'

/** One of the four parts of the documentation (diataxis.fr). */
export interface Part {
  readonly name: string
  readonly title: string
  readonly says: string
  /** In the order in which they are to be read, relative to the repository. */
  readonly pages: readonly string[]
}

/** `docs/site.json`: what belongs where. */
export interface SiteMap {
  readonly title: string
  readonly parts: readonly Part[]
}

/** All that is documentation, read. */
export interface Documentation {
  readonly root: string
  readonly map: SiteMap
  /** By file. */
  readonly pages: ReadonlyMap<string, Page>
}

/** Pages outside docs/ that people read on the site. */
const besides = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md']

/** Reads every page of a repository, those that are in no part too. */
export function readDocumentation(root: string): Documentation {
  const map = JSON.parse(readFileSync(join(root, 'docs/site.json'), 'utf8')) as SiteMap
  const written = globSync('docs/**/*.md', { cwd: root })
  const files = [...besides, ...written, ...map.parts.flatMap(({ pages }) => pages)]
  const found = [...new Set(files)].filter((file) => existsSync(join(root, file))).sort()
  return {
    root,
    map,
    pages: new Map(found.map((file) => [file, readPage(file, readFileSync(join(root, file), 'utf8'))])),
  }
}
