import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { elsewhere, forgetSteps } from '../support/elsewhere.ts'
import { openPlace, type Place } from '../support/place.ts'
import { startPostgres, type TestPostgres } from '../support/postgres-server.ts'
import { writeLoans } from '../support/project.ts'

let place: Place
let postgres: TestPostgres | undefined
let missing = ''

beforeAll(async () => {
  const credentials = { PGPASSWORD: 'none is asked for', PGSSLMODE: 'disable' }
  Object.assign(process.env, credentials)
  place = await openPlace(credentials)
  postgres = await startPostgres().catch((error: Error) => {
    missing = `PostgreSQL cannot be had: ${error.message.split('\n')[0]}`
    return undefined
  })
})
afterAll(async () => {
  await postgres?.stop()
  await place?.close()
})

describe('a version whose rows came from PostgreSQL', () => {
  it('is made again when the server is gone, elsewhere, without a record of a step', async (context) => {
    if (postgres === undefined) return context.skip(missing)
    await postgres.sql(
      'CREATE TABLE loans (id int PRIMARY KEY, day timestamp, income float8, age int, purpose text, defaulted int)',
    )
    await postgres.sql(`INSERT INTO loans SELECT i, timestamp '2024-01-01' + i * interval '1 hour', 20000 + (i * 7919::bigint) % 60000,
      18 + (i * 104729::bigint) % 60, (ARRAY['car', 'home', 'travel', 'tools'])[1 + (i * 31) % 4],
      CASE WHEN (i * 7919::bigint) % 60000 < 20000 + (i * 48271::bigint) % 20000 THEN 1 ELSE 0 END FROM generate_series(0, 3999) i`)
    writeLoans(place.project, { from: postgres.address('table=loans'), must: '[auc.atLeast(0.6)]' })
    const ran = await place.run('run', 'loans', '--wait', '--json')
    expect(ran.code, ran.stderr + ran.stdout).toBe(0)
    const { model } = JSON.parse(ran.stdout)
    await postgres.stop()
    await forgetSteps(place)
    const { code, stdout, stderr } = await elsewhere(place, 'verify', `loans@${model?.version}`)
    expect([code, stdout], stderr).toEqual([0, `identical ${model?.digest}\n`])
    expect(stderr).toMatch(/✓ loans +identical/)
  })
})
