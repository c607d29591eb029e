import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exampleFile, exampleTable } from '../../lib/proposal/example-table.ts'

/** Works on the example table, which lies in a folder of its own meanwhile. */
export async function withExample<T>(work: (path: string, from: string, text: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-example-'))
  try {
    const text = exampleTable()
    const path = join(folder, 'flats.csv')
    await writeFile(path, text)
    return await work(path, exampleFile, text)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
