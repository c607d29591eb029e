import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createClient } from '../../client/index.ts'
import { packageRoot } from '../../lib/code/host.ts'

/** The rows of the table below a header: what stands in backticks in each. */
function tableBelow(text: string, header: string): string[][] {
  const [, table = ''] = new RegExp(`^\\| ${header} .*\\n\\|.*\\n((?:\\|.*\\n)+)`, 'm').exec(text) ?? []
  return table
    .trim()
    .split('\n')
    .map((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replace(/\(.*\)/, '')))
}

it('the table of docs/client.md has the nouns and methods of a client, and no others', async () => {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  const client = createClient({ s3: { endpoint: 'http://127.0.0.1:9', bucket: 'b', region: 'r', credentials } })
  const [besides, nouns] = [true, false].map((isMethod) =>
    Object.entries(client).filter(([, value]) => (typeof value === 'function') === isMethod),
  )
  const documented = tableBelow(readFileSync(join(packageRoot, 'docs/client.md'), 'utf8'), 'noun')
  expect(documented.slice(0, -1)).toHaveLength(nouns?.length as number)
  for (const [noun, ...methods] of documented.slice(0, -1))
    expect(methods.sort(), noun).toEqual(Object.keys(Object.fromEntries(nouns ?? [])[noun as string] ?? {}).sort())
  expect(documented.at(-1)?.sort()).toEqual(besides?.map(([name]) => name).sort())
  await client.close()
})
