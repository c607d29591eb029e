import { DescribeProcessingJobCommand } from '@aws-sdk/client-sagemaker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { staging } from '../../lib/sagemaker/staging.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { clientOf, fakeRole, fakeSettings } from '../support/sagemaker.ts'

/*
 * A step that a program carries out, here or as a processing job on SageMaker, by the command line: against the fake,
 * whose jobs really run their program at /opt/ml. Whatever happens to the worker, the job is begun once.
 */
let place: Place
let fake: Fake

const why = whyNoContainers()

/** Leaves out whoever is younger than 21, and says how many were left: by the variables that it is given. */
const clean = `import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
const { SLIPWAY_INPUT_DIR: from, SLIPWAY_OUTPUT_DIR: to, SLIPWAY_STEP } = process.env
const { inputs, outputs } = JSON.parse(readFileSync(SLIPWAY_STEP, 'utf8'))
const [header, ...lines] = readFileSync(join(from, 'rows', inputs.rows.file), 'utf8').trimEnd().split('\\n')
const age = header.split(',').indexOf('age')
const kept = lines.filter((line) => Number(line.split(',')[age]) >= 21)
writeFileSync(join(to, 'cleaned', 'part-1.csv'), [header, ...kept.slice(0, 100)].join('\\n') + '\\n')
writeFileSync(join(to, 'cleaned', 'part-2.csv'), [header, ...kept.slice(100)].join('\\n') + '\\n')
writeFileSync(join(to, 'page', 'page.txt'), kept.length + ' of ' + lines.length + ' ' + inputs.rows.columns.length + outputs.cleaned.columns.length)
console.log('kept=' + kept.length)
`

beforeAll(async () => {
  fake = await startFake({ s3: () => place.store.store.client, images: { 'node:20': {} } })
  place = await openPlace(fakeSettings(fake.address))
  const { project } = place
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  project.write('steps/clean.mjs', clean)
  project.write('steps/slowly.mjs', "await new Promise((go) => setTimeout(go, 6_000))\nawait import('./clean.mjs')\n")
  // Steps of the same program and rows are one, whatever they are called.
  project.write('steps/slower.mjs', "import './slowly.mjs'\n")
  project.write(
    'steps/fail.mjs',
    "import { writeFileSync } from 'node:fs'\nconsole.log('nothing to clean here')\nwriteFileSync(process.env.SLIPWAY_MESSAGE, 'no rows at all'); process.exit(1)\n",
  )
  project.write('steps/nothing.mjs', "console.log('forgot to write')\n")
  project.write('steps/mistyped.mjs', clean.replace('...kept.slice(100)]', "kept[100].replace(/^[0-9]+/, 'many')]"))
})
afterAll(async () => {
  await place?.close()
  await fake?.stop()
})

function write(name: string, script: string, where: 'there' | 'here' = 'there', role = fakeRole): void {
  const verb = where === 'there' ? 'sagemakerProcessing' : 'program'
  const there = where === 'there' ? `image: 'node:20', instance: 'ml.m5.large', role: '${role}',` : ''
  place.project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { auc, binary, pipeline, ${verb}, trees } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'
export default pipeline('${name}', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const { cleaned } = p.step('clean-${name}', {
    inputs: { rows: loans },
    outputs: { cleaned: Loan, page: 'text/plain' },
    run: ${verb}({ ${there} command: ['node', '${script}'], folder: './steps', metrics: { kept: 'kept=([0-9]+)' } }),
  })
  const parts = p.split(p.validate(cleaned), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: 5 }), seed: ${where === 'there' ? 1 : 2} })
  p.gate(p.package(model), { on: parts.test, must: [auc.atLeast(0.5)] })
})
`,
  )
}

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (name: string, ...args: string[]) =>
  JSON.parse(await slipway('run', name, ...args, '--wait', '--json'))
/** What the step of a run made, by name. */
async function madeBy(runId: string): Promise<Record<string, string>> {
  const { steps } = JSON.parse(await slipway('show', runId, '--json'))
  const { outputs } = steps.find(({ name }: { name: string }) => name.startsWith('clean-'))
  return Object.fromEntries(outputs.map(({ name, digest }: { name: string; digest: string }) => [name, digest]))
}

/** Names of the jobs that requests began, of a pipeline's step. */
const begun = (pipeline: string): string[] =>
  fake.world.requests.flatMap(({ operation, request, error }) => {
    const name = (request as { ProcessingJobName?: string }).ProcessingJobName ?? ''
    return operation === 'CreateProcessingJob' && error === undefined && name.startsWith(`clean-${pipeline}-`)
      ? name
      : []
  })
const jobNamed = async (name: string) => {
  const client = clientOf(fake)
  return client.send(new DescribeProcessingJobCommand({ ProcessingJobName: name }))
}
const isRunning = async (pipeline: string): Promise<boolean> => {
  const name = begun(pipeline).at(-1)
  return name !== undefined && (await jobNamed(name)).ProcessingStartTime !== undefined
}

describe.skipIf(why !== undefined)(
  `a step that a processing job carries out${why === undefined ? '' : ` (${why})`}`,
  () => {
    let made: Record<string, string>
    let runId: string

    it('makes tables and files, its log and its metrics, by one job', async () => {
      write('remote', 'clean.mjs')
      ;({ runId } = await run('remote'))
      made = await madeBy(runId)
      // Of 4,000 rows of ages 18 to 77, each as often as any other but for a row: 3 in 60 are younger than 21.
      const shown = await slipway('show', runId)
      expect(shown).toMatch(/clean-remote .*cleaned: 3,\d\d\d rows; page/)
      expect(await slipway('show', made.page?.slice(7, 19) as string)).toMatch(/^3\d\d\d of 4000 66$/m)
      expect(await slipway('show', made.log?.slice(7, 19) as string)).toMatch(/^\S+Z out kept=3\d\d\d$/m)
      expect(begun('remote')).toEqual([expect.stringMatching(/^clean-remote-[0-9a-f]{16}-1$/)])
      expect(await staging(place.store.store, begun('remote')[0] as string).list()).toEqual([])
    })

    it('makes what the same program makes here, to the byte', async () => {
      write('local', 'clean.mjs', 'here')
      const here = await madeBy((await run('local')).runId)
      expect({ cleaned: here.cleaned, page: here.page }).toEqual({ cleaned: made.cleaned, page: made.page })
      expect(begun('local')).toEqual([])
    })

    it('is carried out once: a second run finds it, and so does one with another role', async () => {
      write('remote', 'clean.mjs', 'there', `${fakeRole}-other`)
      const { steps } = await run('remote')
      expect(steps.find(({ name }: { name: string }) => name === 'clean-remote').cached).toBe(true)
      expect(begun('remote')).toHaveLength(1)
    })

    it('is not done again by verify, which says so; the same step here is', async () => {
      const { code, stdout, stderr } = await place.run('verify', 'remote')
      expect(`${code} ${stdout}${stderr}`).toMatch(/clean-remote .*done by jobs on SageMaker.*taken from the record/)
      const local = await slipway('verify', 'local')
      expect(local).toMatch(/^identical/)
    })

    it('goes on while workers are killed, and is begun once', async () => {
      write('killed', 'slowly.mjs')
      const { runId } = JSON.parse(await slipway('run', 'killed', '--json'))
      await eventually(() => isRunning('killed'))
      place.worker.kill()
      await eventually(async () => (await place.run('show', runId)).stdout.includes('succeeded'))
      expect(begun('killed')).toHaveLength(1)
      expect((await madeBy(runId)).cleaned).toBe(made.cleaned)
      expect(await staging(place.store.store, begun('killed')[0] as string).list()).toEqual([])
    })

    it('is stopped when its run is cancelled', async () => {
      write('cancelled', 'slower.mjs')
      const { runId } = JSON.parse(await slipway('run', 'cancelled', '--json'))
      await eventually(() => isRunning('cancelled'))
      await place.run('cancel', runId)
      const [name] = begun('cancelled')
      await eventually(async () => (await jobNamed(name as string)).ProcessingJobStatus === 'Stopped')
      await eventually(async () => (await staging(place.store.store, name as string).list()).length === 0)
    })

    it.each([
      [
        'there',
        /the processing job clean-failing-there-[0-9a-f]{16}-1 failed: AlgorithmError: .*exit code: 1: no rows at all/,
      ],
      ['here', /node fail.mjs ended with exit code 1: no rows at all/],
    ] as const)(
      'fails %s with what the program says, and leaves its log, which the error names',
      async (where, says) => {
        write(`failing-${where}`, 'fail.mjs', where)
        const { code, stdout } = await place.run('run', `failing-${where}`, '--wait')
        expect(code).toBe(11)
        expect(stdout).toMatch(says)
        const [, log] = /slipway show ([0-9a-f]{12})/.exec(stdout) ?? []
        expect(await slipway('show', log as string)).toContain('out nothing to clean here')
      },
    )

    it.each(['there', 'here'] as const)('fails %s where an output is missing or no such table', async (where) => {
      write(`missing-${where}`, 'nothing.mjs', where)
      const missing = await place.run('run', `missing-${where}`, '--wait')
      expect(missing.code).toBe(11)
      expect(missing.stdout).toContain(`the program left no .csv for "cleaned" of step "clean-missing-${where}"`)
      write(`wrong-${where}`, 'mistyped.mjs', where)
      const wrong = await place.run('run', `wrong-${where}`, '--wait')
      expect(wrong.code).toBe(10)
      expect(wrong.stdout).toContain(
        `"cleaned" of step "clean-wrong-${where}" holds something else in "id" (row 1 of cleaned/part-2.csv), the schema says integer`,
      )
    })
  },
)
