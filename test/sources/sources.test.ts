import { afterAll, describe, expect, it } from 'vitest'
import { readSource } from '../../lib/sources/sources.ts'
import { newProject } from '../support/project.ts'

const [here, there] = [newProject(), newProject()]
afterAll(() => {
  here.remove()
  there.remove()
})

describe('a source', () => {
  it('is named by its content, not by where it lies or what its files are called', async () => {
    const [ours, theirs] = [
      ['a', 'b'],
      ['x', 'y'],
    ]
    for (const [i, name] of (ours ?? []).entries()) here.write(`data/${name}.csv`, `n\n${i}\n`)
    for (const [i, name] of (theirs ?? []).entries()) there.write(`data/${name}.csv`, `n\n${i}\n`)
    const [one, other] = [await readSource(here.root, 'data/*.csv'), await readSource(there.root, 'data/*.csv')]
    expect(one.files).toHaveLength(2)
    expect(other.content).toBe(one.content)
    there.write('data/y.csv', 'n\n7\n')
    expect((await readSource(there.root, 'data/*.csv')).content).not.toBe(one.content)
  })

  it('that matches nothing, or holds nothing, is an error', async () => {
    await expect(readSource(here.root, 'data/*.parquet')).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('matches no file'),
    })
    await expect(readSource(here.root, 'data/none.csv')).rejects.toMatchObject({ code: 'SOURCE_MISSING' })
    here.write('data/empty.parquet', '')
    await expect(readSource(here.root, 'data/empty.parquet')).rejects.toMatchObject({ code: 'SOURCE_EMPTY' })
  })
})
