import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { lineageEvents } from '../../lib/tracking/openlineage.ts'
import { endedRun, flightsTable } from '../support/lineage-runs.ts'
import { pythonEnvironmentOr } from '../support/python.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-lineage-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("OpenLineage's own client would write the very events that we do", async (context) => {
  const reference = join(packageRoot, 'test/reference')
  const environment = await pythonEnvironmentOr(join(reference, 'openlineage-requirements.txt'))
  if ('missing' in environment) return context.skip(environment.missing)
  const error = { code: 'X', message: 'the very words', step: null, next: null }
  const tables = [flightsTable(), flightsTable({ name: 'weather', from: 'data/weather.csv' })]
  const events = [
    endedRun(),
    endedRun({ status: 'failed', error, model: null }),
    endedRun({ status: 'cancelled', error, model: null }),
  ].flatMap((record) => lineageEvents({ namespace: 'slipway', record, tables }))
  const file = join(folder, 'events.ndjson')
  const check = async (lines: readonly string[]): Promise<string> => {
    writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
    const python = join(environment.bin, 'python')
    const script = join(reference, 'openlineage_events.py')
    return promisify(execFile)(python, [script, file]).then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }) => `${stdout}${stderr}`,
    )
  }
  const lines = events.map((event) => JSON.stringify(event))
  const ends = ['COMPLETE', 'FAIL', 'ABORT']
  expect(await check(lines)).toBe(ends.map((end) => `ok START\nok ${end}\n`).join(''))
  // And the check finds what is wrong.
  expect(await check([(lines[1] as string).replace('"rowCount"', '"rows"')])).toContain('rows')
  expect(await check([(lines[1] as string).replace('1-2-0', '1-1-0')])).toContain('FAIL')
})
