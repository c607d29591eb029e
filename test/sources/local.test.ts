import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { localSource } from '../../lib/sources/local.ts'
import type { FoundFile } from '../../lib/sources/source.ts'
import { bytesOf, csv, describeSource, type SourcePlace } from '../contracts/source.ts'
import { newProject } from '../support/project.ts'

const nobody = 65_534

const makePlace = async (): Promise<SourcePlace> => {
  const project = newProject()
  const source = localSource({ root: project.root, confined: true })
  return {
    source,
    addressOf: (name) => name,
    async put(name, bytes) {
      mkdirSync(dirname(join(project.root, name)), { recursive: true })
      writeFileSync(join(project.root, name), bytes)
    },
    async remove(name) {
      rmSync(join(project.root, name))
    },
    async whileDenied(name, work) {
      const isRoot = process.geteuid?.() === 0
      chmodSync(project.root, 0o755)
      chmodSync(join(project.root, name), 0)
      // Nothing is denied to root: for a while this process is somebody else.
      if (isRoot) process.seteuid?.(nobody)
      try {
        await work(source)
      } finally {
        if (isRoot) process.seteuid?.(0)
      }
    },
    stop: async () => project.remove(),
  }
}
describeSource('files of this machine', makePlace, ['connections'])

describe('a file of this machine', () => {
  const project = newProject()
  afterAll(() => project.remove())
  const found = async (now = Date.now): Promise<FoundFile> => {
    const [file] = await localSource({ root: project.root, confined: false }, now).find('a.csv', undefined)
    return file as FoundFile
  }
  const source = localSource({ root: project.root, confined: false })

  it('that is written to while it is read is refused, though its length and its time of change are what they were', async () => {
    const bytes = csv(400_000)
    writeFileSync(join(project.root, 'a.csv'), bytes)
    const before = new Date('2024-01-01')
    utimesSync(join(project.root, 'a.csv'), before, before)
    const file = await found()
    const stream = await source.open(file)
    const read = async (): Promise<void> => {
      let isFirst = true
      for await (const _ of stream) {
        if (!isFirst) continue
        isFirst = false
        writeFileSync(join(project.root, 'a.csv'), Buffer.from(bytes).reverse())
        utimesSync(join(project.root, 'a.csv'), before, before)
      }
    }
    await expect(read()).rejects.toMatchObject({ code: 'SOURCE_CHANGED', message: expect.stringContaining('a.csv') })
  })

  it('that was changed a moment ago is fresh, and no longer when some seconds have passed', async () => {
    writeFileSync(join(project.root, 'a.csv'), 'n\n1\n')
    expect((await found()).isFresh).toBe(true)
    const later = await found(() => Date.now() + 3_000)
    expect(later.isFresh).toBeUndefined()
    expect((await bytesOf(source, later)).toString()).toBe('n\n1\n')
  })

  it('is named with the machine it lies on, for a path means another file elsewhere', async () => {
    const { uri, name } = await found()
    expect(uri).toMatch(/^file:\/\/[^/]+\/.+a\.csv$/)
    expect(name).toBe('a.csv')
  })

  it('with odd letters in its name is found and read', async () => {
    const name = 'ä b%20#?+.csv'
    writeFileSync(join(project.root, name), 'n\n7\n')
    const [file] = await source.find('ä*.csv', undefined)
    expect(file?.name).toBe(name)
    expect((await bytesOf(source, file as FoundFile)).toString()).toBe('n\n7\n')
  })
})
