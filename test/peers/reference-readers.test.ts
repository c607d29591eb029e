import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pythonEnvironmentOr } from '../support/python.ts'
import {
  expectAgreement,
  type ReferenceTable,
  reference,
  referenceTables,
  titleOf,
} from '../support/reference-tables.ts'

const run = promisify(execFile)
const modules = join(import.meta.dirname, '../../node_modules')
const made = mkdtempSync(join(tmpdir(), 'slipway-tables-'))
let missing: string | undefined
let said = ''
let packages = ''

beforeAll(async () => {
  const requirements = join(reference, 'tables-requirements.txt')
  const environment = await pythonEnvironmentOr(requirements, '--no-deps')
  if ('missing' in environment) {
    missing = environment.missing
    return
  }
  const python = join(environment.bin, 'python')
  const tables = [join(reference, 'tables.py'), '--modules', modules, '--made', made]
  said = (await run(python, tables, { maxBuffer: 1 << 26 })).stdout
  packages = (await run(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'])).stdout.trim()
})

afterAll(() => rmSync(made, { recursive: true, force: true }))

const fileOf = ({ package: from, path }: ReferenceTable): string =>
  from === 'made'
    ? join(made, path)
    : /^(vega-datasets|csv-spectrum)$/.test(from)
      ? join(modules, from, path)
      : join(packages, path)

describe('public readers of tables', () => {
  it('say today what is stored', (context) => {
    if (missing !== undefined) return context.skip(missing)
    expect(said).toBe(readFileSync(join(reference, 'tables.json'), 'utf8'))
  })

  const titled = referenceTables.map((table) => [titleOf(table), table] as const)
  it.for(titled)('agree with ours on %s', async ([, table], context) => {
    if (missing !== undefined) return context.skip(missing)
    await expectAgreement(table, fileOf(table))
  })
})
