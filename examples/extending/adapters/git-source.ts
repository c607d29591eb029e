import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { type FoundFile, SlipwayError, type Source, source } from 'slipway/extend'

const run = promisify(execFile)

/** `git://v1.2/data/rows.csv`: a file of a revision of this repository. Its version is Git's name of its bytes. */
export const committedFiles: Source = {
  name: 'Git',
  schemes: ['git'],
  async find(uri) {
    const { revision, path } = placeOf(uri)
    const { stdout } = await run('git', ['ls-tree', '-r', '-l', revision, '--', path]).catch((error: Error) => {
      throw new SlipwayError('SOURCE_UNREADABLE', `${uri}: ${error.message.split('\n')[1] ?? error.message}`, {
        next: 'check that the revision is there: git rev-parse',
      })
    })
    const files = stdout.split('\n').flatMap((line) => {
      const [, version = '', size = '', name = ''] = /^\d+ blob (\w+) +(\d+)\t(.+)$/.exec(line) ?? []
      return name === '' ? [] : [fileOf(`git://${revision}/${name}`, name, Number(size), version)]
    })
    if (files.length > 0) return files.sort((a, b) => (a.name < b.name ? -1 : 1))
    throw new SlipwayError('SOURCE_MISSING', `revision ${revision} has no file at "${path}"`, {
      next: 'correct the path',
    })
  },
  async open({ uri, version }) {
    const { revision, path } = placeOf(uri)
    const { stdout } = await run('git', ['rev-parse', `${revision}:${path}`]).catch(() => ({ stdout: '' }))
    if (stdout.trim() !== version)
      throw new SlipwayError('SOURCE_CHANGED', `${uri} is another file than when it was found`, {
        next: 'run it again',
      })
    const git = spawn('git', ['cat-file', 'blob', version])
    await once(git, 'spawn')
    return git.stdout
  },
}

export const gitSource = source(() => committedFiles)

const fileOf = (uri: string, name: string, size: number, version: string): FoundFile => ({
  uri,
  name,
  size,
  version,
  digest: null,
  compression: 'none',
  partition: {},
})

function placeOf(uri: string): { revision: string; path: string } {
  const [, revision = '', path = ''] = /^git:\/\/([^/-][^/]*)\/(.+)$/.exec(uri) ?? []
  if (path !== '') return { revision, path }
  throw new SlipwayError('DEFINITION_INVALID', `"${uri}" names no revision and path`, {
    next: 'git://main/data/rows.csv',
  })
}
