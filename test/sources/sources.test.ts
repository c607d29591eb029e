import { afterAll, describe, expect, it } from 'vitest'
import { openSources } from '../../lib/sources/open-sources.ts'
import { contentIfKnown, findSource } from '../../lib/sources/take.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { noStore } from '../support/sources.ts'

const [here, there] = [newProject(), newProject()]
afterAll(() => {
  here.remove()
  there.remove()
})

const find = ({ root }: TestProject, from: string) =>
  findSource(openSources(noStore, { root, confined: false }), { from })
const contentOf = async (project: TestProject, from: string) => contentIfKnown(noStore, await find(project, from))

describe('a source', () => {
  it('is named by its content, not by where it lies or what its files are called', async () => {
    for (const [i, name] of ['a', 'b'].entries()) here.write(`data/${name}.csv`, `n\n${i}\n`)
    for (const [i, name] of ['x', 'y'].entries()) there.write(`data/${name}.csv`, `n\n${i}\n`)
    const one = await contentOf(here, 'data/*.csv')
    // Python's json and hashlib say the same of the two files: records of steps go by it.
    expect(one).toBe('sha256:327e0eec0349a9dbbe22f10edcecd44980c394726a891c27fe38e726f379c791')
    expect(await contentOf(there, 'data/*.csv')).toBe(one)
    there.write('data/y.csv', 'n\n7\n')
    expect(await contentOf(there, 'data/*.csv')).not.toBe(one)
  })

  it('that matches nothing, or holds nothing, is an error', async () => {
    await expect(find(here, 'data/*.parquet')).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('matches no file'),
    })
    await expect(find(here, 'data/none.csv')).rejects.toMatchObject({ code: 'SOURCE_MISSING' })
    here.write('data/empty.parquet', '')
    await expect(find(here, 'data/empty.parquet')).rejects.toMatchObject({ code: 'SOURCE_EMPTY' })
  })
})
