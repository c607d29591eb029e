import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query } from '../support/batch-place.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { linearProgram } from '../support/programs.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * A pipeline whose learner is a program goes the way that trees go: package with parity, gate, endpoint, batch. The
 * program is a process of its own that ends with its worker.
 */
let place: Place

/** The program waits while this file is there. */
const wait = 'wait-here'
const waiting = `import { existsSync, writeFileSync } from 'node:fs'
writeFileSync(process.env.SM_HP_WAIT + '.pid', String(process.pid))
while (existsSync(process.env.SM_HP_WAIT)) await new Promise((resolve) => setTimeout(resolve, 50))
`

beforeAll(async () => {
  place = await openPlace()
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  await project.data('data/new.parquet', loansSql(500))
  project.write('trainer/train.mjs', await linearProgram())
  project.write('trainer/wait.mjs', `${waiting}await import('./train.mjs')\n`)
  project.write('trainer/fail.mjs', "console.log('nothing to learn here'); process.exit(1)\n")
})
afterAll(() => place?.close())

function write(options: string, more = ''): void {
  place.project.write(
    'pipelines/simple/pipeline.ts',
    `import { auc, binary, pipeline, program } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'
export default pipeline('simple', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const learner = program({ folder: './trainer', ${options} })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), auc.notWorseThan('champion', { by: 0.05 })] })
  ${more}
})
`,
  )
}

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (...args: string[]) => JSON.parse(await slipway('run', 'simple', ...args, '--wait', '--json'))

const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')

describe('a model that a program makes', () => {
  let runId: string

  it('is trained, compared with what the program predicts, gated and deployed', async () => {
    write(
      "command: ['node', 'train.mjs'], hyperparameters: { l2: 2 }, metrics: { mean: 'mean=([0-9.]+)' }",
      "p.deploy(candidate, { endpoint: 'simple', allAtOnce: true })",
    )
    const first = await run()
    runId = first.runId
    expect(first).toMatchObject({ status: 'succeeded', model: { name: 'simple', version: 1, champion: true } })
    const steps = await slipway('show', runId)
    expect(steps).toMatch(/risk .* made by a program on 2,\d\d\d rows; validation auc 0\.\d+.*; it says mean 0\.\d+/)
    expect(steps).toMatch(/package .*parity \d\.\de[-+]\d+ over \d+ rows, \d\.\de[-+]\d+ over 1,024 made-up ones/)
    expect(await slipway('show', 'simple')).toContain('Trained by `node train.mjs` with l2 2.')
  })

  it('left its log as an artifact', async () => {
    const { steps } = JSON.parse(await slipway('show', runId, '--json'))
    const outputs = steps.find(({ name }: { name: string }) => name === 'risk').outputs
    const log = outputs.find(({ name }: { name: string }) => name === 'log')
    const printed = await slipway('show', log.digest.slice(7, 19))
    expect(printed).toMatch(/^\S+Z out mean=0\.\d+$/m)
    // The console shows it on the page of its run, and nothing else that somebody could name there.
    const port = await getPort()
    const served = place.begin('console', '--port', String(port))
    await served.said('the console answers')
    const logs = `http://127.0.0.1:${port}/api/runs/${runId}/logs`
    const { document } = (await (await fetch(`${logs}/${log.digest}`)).json()) as { document: { text: string } }
    expect(document).toEqual(JSON.parse(await slipway('show', log.digest, '--json')))
    expect(printed).toContain(`bytes\n${document.text.trimEnd()}\n`)
    expect((await fetch(`${logs}/${outputs[0].digest}`)).status).toBe(404)
    served.interrupt()
    await served.result
  })

  it('answers at its endpoint what it answers in a batch', async () => {
    await slipway('batch', 'score', 'simple', '--from', 'data/new.parquet', '--to', 'scored/')
    await slipway('verify', 'scored/')
    const scored = await query(`SELECT * FROM '${place.project.root}/scored/*.parquet' ORDER BY id LIMIT 20`)
    expect(new Set(scored.map(({ prediction }) => prediction)).size).toBeGreaterThan(10)
    const rows = scored.map(({ id, day, income, age, purpose }) => ({ id: Number(id), day, income, age, purpose }))
    place.project.write(
      'rows.json',
      JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
    )
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/simple/ready`).catch(() => undefined))?.ok === true,
    )
    const { predictions } = JSON.parse(await slipway('predict', 'simple', '--data', 'rows.json', '--json'))
    expect(predictions).toEqual(scored.map(({ prediction }) => prediction))
  })

  it('is made once: a second run finds it, and so does one that may take less of the machine', async () => {
    write(
      "command: ['node', 'train.mjs'], hyperparameters: { l2: 2 }, metrics: { mean: 'mean=([0-9.]+)' }, timeout: '5m'",
    )
    const { steps } = await run()
    expect(steps.find(({ name }: { name: string }) => name === 'risk').cached).toBe(true)
  })

  it('is made anew for another hyperparameter', async () => {
    write("command: ['node', 'train.mjs'], hyperparameters: { l2: 2 }")
    const { steps } = await run('--set', 'l2=3')
    expect(steps.find(({ name }: { name: string }) => name === 'risk').cached).toBe(false)
    const { code, stderr } = await place.run('run', 'simple', '--set', 'l1=3')
    expect([code, stderr]).toEqual([2, expect.stringContaining('has no parameter "l1"; it has seed, l2')])
  })

  it('is not made where it exports something else than it trained', async () => {
    write("command: ['node', 'train.mjs'], hyperparameters: { predictions: 'wrong' }")
    const { code, stdout } = await place.run('run', 'simple', '--wait')
    expect(code).toBe(11)
    expect(stdout).toMatch(/differ by 0\.0(1|0999)\d* on/)
    expect(stdout).toContain('what the program exports is not what it trained')
  })

  it('is not made where only rows show it that the table lacks', async () => {
    write("command: ['node', 'train.mjs'], hyperparameters: { predictions: 'wrong of zeros' }")
    const { code, stdout } = await place.run('run', 'simple', '--wait')
    expect(code).toBe(11)
    expect(stdout).toMatch(/differ by 0\.0(1|0999)\d* on 1024 made-up rows, with zeros, missing values/)
    write(
      "command: ['node', 'train.mjs'], hyperparameters: { predictions: 'wrong of zeros' }, predictions: 'validation'",
    )
    expect(await run()).toMatchObject({ status: 'succeeded' })
    expect(await slipway('show', 'simple')).toContain('Its export was compared on the validation rows only.')
  })

  it('leaves its log where it fails, which the error names and the graph of the run shows', async () => {
    write("command: ['node', 'fail.mjs']")
    const { code, stdout } = await place.run('run', 'simple', '--wait', '--json')
    expect(code).toBe(11)
    const { runId: failed, error } = JSON.parse(stdout)
    expect(error.message).toContain('node fail.mjs ended with exit code 1')
    const [, log] = /slipway show ([0-9a-f]{12})/.exec(error.next) ?? []
    expect(await slipway('show', log as string)).toContain('out nothing to learn here')
    const { steps } = JSON.parse(await slipway('show', failed, '--graph', '--json'))
    const logs = steps.filter((step: { log: string | null }) => step.log !== null)
    expect(logs).toMatchObject([{ id: 'risk', state: 'failed', log: expect.stringContaining(`sha256:${log}`) }])
    expect(error.log).toBe(logs[0].log)
  })
})

describe('a program whose run does not go to its end at once', () => {
  const waitHere = (): string => {
    place.project.write(wait, '')
    return join(place.project.root, wait)
  }
  const begun = async (): Promise<number> => {
    const file = join(place.project.root, `${wait}.pid`)
    await eventually(() => existsSync(file) && readFileSync(file, 'utf8') !== '')
    const pid = Number(readFileSync(file, 'utf8'))
    const { rmSync } = await import('node:fs')
    rmSync(file)
    return pid
  }
  const goOn = async (): Promise<void> => {
    const { rmSync } = await import('node:fs')
    rmSync(join(place.project.root, wait))
  }

  it('is ended with its worker, and trained again by the next one', async () => {
    write(`command: ['node', 'wait.mjs'], hyperparameters: { wait: '${waitHere()}' }`)
    const { runId } = JSON.parse(await slipway('run', 'simple', '--json'))
    const first = await begun()
    place.worker.kill()
    await eventually(() => !isAlive(first))
    const second = await begun()
    expect(second).not.toBe(first)
    await goOn()
    await eventually(async () => (await place.run('show', runId)).stdout.includes('succeeded'))
    expect(isAlive(second)).toBe(false)
  })

  it('is ended when its run is cancelled, and leaves no files', async () => {
    write(`command: ['node', 'wait.mjs'], hyperparameters: { wait: '${waitHere()}', l2: 5 }`)
    const { runId } = JSON.parse(await slipway('run', 'simple', '--json'))
    const pid = await begun()
    const root = /SAGEMAKER_BASE_DIR=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1'))?.[1] as string
    expect(readdirSync(root)).toContain('code')
    await place.run('cancel', runId)
    await eventually(() => !isAlive(pid) && !existsSync(root))
    await goOn()
  })
})
