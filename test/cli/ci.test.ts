import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterEach, describe, expect, it } from 'vitest'
import { annotation } from '../../cli/ci/annotation.ts'
import { codeQuality } from '../../cli/ci/code-quality.ts'
import { type Finding, findingOf } from '../../cli/ci/finding.ts'
import { type Definition, findingsOf } from '../../cli/ci/findings.ts'
import { type RunTold, runSummary } from '../../cli/ci/run-summary.ts'
import { annotate, appendToJobSummary, fileInRepository } from '../../cli/ci/tell.ts'
import { planMarkdown } from '../../cli/plan-markdown.ts'
import { wouldChange } from '../../client/plan-run.ts'
import { type RunDocument, runDocument } from '../../client/run-document.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { samplePlan } from '../support/plans.ts'
import { runRecord as recordOf } from '../support/stored-documents.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'slipway-ci-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const each of folders.splice(0)) rmSync(each, { recursive: true })
})
const finding: Finding = { code: 'GATE_FAILED', message: 'auc ≥ 0.7: 0.6 < 0.7', at: null }

describe('an annotation', () => {
  it('names file, line and column, and the code as its title', () => {
    const at = { file: 'pipelines/loans/pipeline.ts', line: 7, column: 5 }
    expect(annotation({ ...finding, at }, (file) => `ml/${file}`)).toBe(
      '::error file=ml/pipelines/loans/pipeline.ts,line=7,col=5,title=GATE_FAILED::auc ≥ 0.7: 0.6 < 0.7',
    )
  })

  it('escapes properties and message each in its way, so that a text is no command', () => {
    const at = { file: 'a,b:c%.ts', line: 1, column: 1 }
    const message = '100 % of rows, a: b\r\n::stop-commands::x'
    expect(annotation({ code: 'DATA_CONTRACT', message, at }, (file) => file)).toBe(
      '::error file=a%2Cb%3Ac%25.ts,line=1,col=1,title=DATA_CONTRACT::100 %25 of rows, a: b%0D%0A::stop-commands::x',
    )
  })
})

describe('a file of the project', () => {
  it('is said as the repository has it, wherever the project lies in it', () => {
    const top = folder()
    mkdirSync(join(top, 'teams/risk/pipelines'), { recursive: true })
    const root = join(top, 'teams/risk')
    expect(fileInRepository(root, { GITHUB_WORKSPACE: top })('pipelines/a.ts')).toBe('teams/risk/pipelines/a.ts')
    expect(fileInRepository(root, { CI_PROJECT_DIR: top })('pipelines/a.ts')).toBe('teams/risk/pipelines/a.ts')
    expect(fileInRepository(root, {})('pipelines/a.ts')).toBe('pipelines/a.ts')
    expect(fileInRepository(root, { GITHUB_WORKSPACE: join(top, 'elsewhere') })('pipelines/a.ts')).toBe(
      'pipelines/a.ts',
    )
  })
})

const runRecord = (runId: string): RunDocument => runDocument(recordOf(runId))

describe('what is wrong with a run', () => {
  const plan = samplePlan({})
  const gate = plan.steps.find(({ kind }) => kind === 'gate')
  const failed = (changes: Partial<RunDocument>): RunDocument => ({
    ...runRecord('loans-1'),
    status: 'failed',
    ...changes,
  })
  const definitionOf = (text: string, schema: string): Definition => {
    const root = folder()
    writeFileSync(join(root, 'pipeline.ts'), text)
    writeFileSync(join(root, 'schema.ts'), schema)
    const place = { file: 'pipeline.ts', line: 1, column: 3, text: null }
    const places = new Map(plan.steps.map(({ id }) => [id, place]))
    return { root, planned: { plan, sources: ['pipeline.ts', 'schema.ts'], places } }
  }

  it('is each gate that failed, on its own line of the definition', async () => {
    const { describeCheck } = await import('../../lib/formats/check.ts')
    if (gate?.kind !== 'gate') throw new Error('the sample plan has no gate')
    const names = gate.must.map(describeCheck)
    const text = `p.gate(c, { must: [\n${gate.must.map((_, i) => `  gate${i},\n`).join('')}] })`
    const gates = names.map((name) => ({ name, passed: false, value: 0, limit: 1, evidence: '0 < 1' }))
    const error = { code: 'GATE_FAILED', message: 'gates failed', step: gate.id, next: null }
    const found = findingsOf(failed({ gates, error }), definitionOf(text, ''))
    expect(found).toEqual(
      names.map((name, i) => ({
        code: 'GATE_FAILED',
        message: `${name}: 0 < 1`,
        at: { file: 'pipeline.ts', line: i + 2, column: 3 },
      })),
    )
  })

  it('is the column of a broken contract, in its schema', () => {
    const error = { code: 'DATA_CONTRACT', message: '9 rows; column "age", row 3: -1 breaks', step: 'x', next: null }
    const found = findingsOf(failed({ error }), definitionOf('', 'z.object({\n  age: z.int(),\n})'))
    expect(found).toMatchObject([{ code: 'DATA_CONTRACT', at: { file: 'schema.ts', line: 2, column: 3 } }])
  })

  it('is the line of their own code where that threw, else the step, else no line', () => {
    const error = { code: 'FEATURES_FAILED', message: 'it throws', step: plan.steps[1]?.id ?? null, next: null }
    const own = { ...error, file: 'features.ts', line: 18, column: 2, text: 'x' }
    expect(findingsOf(failed({ error: own }), definitionOf('', ''))).toMatchObject([
      { at: { file: 'features.ts', line: 18 } },
    ])
    expect(findingsOf(failed({ error }), definitionOf('', ''))).toMatchObject([
      { at: { file: 'pipeline.ts', line: 1 } },
    ])
    expect(findingsOf(failed({ error }))).toMatchObject([{ code: 'FEATURES_FAILED', at: null }])
  })

  it('is nothing where it succeeded, and an error with its place where a command failed', () => {
    expect(findingsOf(runRecord('loans-1'))).toEqual([])
    const at = { file: 'a.ts', line: 2, column: 3, text: 'x' }
    expect(findingOf(new SlipwayError('CODE_IMPURE', 'no clock', { at }))).toMatchObject({ code: 'CODE_IMPURE', at })
    expect(findingOf(new Error('oh'))).toMatchObject({ code: 'INTERNAL', at: null })
  })
})

describe('GitLab’s Code Quality report', () => {
  /** As GitLab documents what it reads of an issue: description, check_name, fingerprint, location, severity. */
  const schema = {
    type: 'array',
    items: {
      type: 'object',
      required: ['description', 'check_name', 'fingerprint', 'location', 'severity'],
      properties: {
        description: { type: 'string' },
        check_name: { type: 'string' },
        fingerprint: { type: 'string' },
        severity: { enum: ['info', 'minor', 'major', 'critical', 'blocker'] },
        location: {
          type: 'object',
          required: ['path', 'lines'],
          properties: {
            path: { type: 'string', pattern: '^(?!\\./|/)' },
            lines: { type: 'object', required: ['begin'], properties: { begin: { type: 'integer', minimum: 1 } } },
          },
        },
      },
    },
  }

  it('has what GitLab documents of each issue, also of one without a line', () => {
    const at = { file: 'a.ts', line: 3, column: 1 }
    const report = codeQuality([finding, { ...finding, at }], (file) => `ml/${file}`, 'pipelines/loans/pipeline.ts')
    expect(new Ajv().compile(schema)(report)).toBe(true)
    expect(report.map(({ location }) => location)).toEqual([
      { path: 'ml/pipelines/loans/pipeline.ts', lines: { begin: 1 } },
      { path: 'ml/a.ts', lines: { begin: 3 } },
    ])
  })

  it('knows an issue again when only its numbers or its line are others, and tells two of a kind apart', () => {
    const marks = (...findings: Finding[]) =>
      codeQuality(findings, (file) => file, 'a.ts').map(({ fingerprint }) => fingerprint)
    const worse = { ...finding, message: 'auc ≥ 0.7: 0.55 < 0.7', at: { file: 'a.ts', line: 9, column: 1 } }
    expect(marks(finding)).toEqual(marks(worse))
    expect(new Set(marks(finding, finding)).size).toBe(2)
  })
})

describe('in a step of GitHub Actions', () => {
  const said: string[] = []
  const write = process.stderr.write
  const listening = (what: () => void): string => {
    said.length = 0
    process.stderr.write = (text) => said.push(String(text)) > 0
    try {
      what()
    } finally {
      process.stderr.write = write
    }
    return said.join('')
  }

  it('findings are annotations, and elsewhere nothing', () => {
    expect(listening(() => annotate([finding], { GITHUB_ACTIONS: 'true' }))).toMatch(/^::error title=GATE_FAILED::/)
    expect(listening(() => annotate([finding], {}))).toBe('')
  })

  it('a page goes below what the job’s summary has, within the limit of GitHub', () => {
    const file = join(folder(), 'summary.md')
    appendToJobSummary('first', { GITHUB_STEP_SUMMARY: file })
    appendToJobSummary('second', { GITHUB_STEP_SUMMARY: file })
    expect(readFileSync(file, 'utf8')).toBe('first\n\nsecond\n\n')
    appendToJobSummary('long line\n'.repeat(200_000), { GITHUB_STEP_SUMMARY: file })
    expect(statSync(file).size).toBeLessThanOrEqual(1 << 20)
    expect(readFileSync(file, 'utf8')).toMatch(/long line\n\nThis page is cut/)
  })

  it('a summary that cannot be written is a warning', () => {
    expect(listening(() => appendToJobSummary('a', { GITHUB_STEP_SUMMARY: '/nowhere/at/all' }))).toMatch(/^warning: /)
  })
})

describe('the summary of a run', () => {
  const digest = `sha256:${'ab'.repeat(32)}` as RunDocument['plan']['digest']
  const told: RunTold = {
    record: {
      ...runRecord('loans-20260101-000000-abcd'),
      plan: { digest },
      status: 'gate failed',
      exitCode: 12,
      startedAt: '2026-01-01T00:00:00.000Z',
      finishedAt: '2026-01-01T00:01:05.000Z',
      steps: [
        { name: 'rows', kind: 'snapshot', cached: true, stepKey: '', seconds: 0, summary: '4000 rows', outputs: [] },
        { name: 'risk', kind: 'train', cached: false, stepKey: '', seconds: 12.34, summary: '20 trees', outputs: [] },
      ],
      gates: [
        { name: 'auc ≥ 0.6', passed: true, value: 0.7, limit: 0.6, evidence: '0.7 ≥ 0.6' },
        {
          name: 'auc not worse',
          passed: false,

          value: 0.7,
          limit: 0.6,
          evidence: '−0.02, at least −0.03',
        },
      ],
      error: { code: 'GATE_FAILED', message: 'auc not worse failed', step: 'gate', next: 'look at the slices' },
      origin: { commit: 'abc123', set: '{"trees":"20"}' },
    },
    link: 'http://127.0.0.1:8233/namespaces/default/workflows/run%2Floans',
    page: 'https://console.example/runs/loans-20260101-000000-abcd',
    report: {
      judged: {
        quality: { rows: 1200, metrics: { auc: { value: 0.71234, low: 0.69, high: 0.73 }, brier: { value: 0.2 } } },
      },
      against: { version: 'version 1', rows: 'the same', quality: { rows: 1200, metrics: { auc: { value: 0.73 } } } },
    } as unknown as NonNullable<RunTold['report']>,
    drift: [
      {
        endpoint: 'credit',
        seq: 7,
        at: '2026-01-01T00:00:00.000Z',
        verdict: 'drift of age',
        rules: [
          { rule: 'psi over 0.2', kind: 'drift', state: 'breached', streak: 2, firing: true, reason: 'age 0.31' },
          { rule: 'auc below 0.6', kind: 'quality', state: 'kept', streak: 0, firing: false, reason: '' },
        ],
      },
    ],
  }

  it('has gates, metrics beside the champion, drift, steps, times, how to do it again, and links', () => {
    expect(runSummary(told)).toBe(`### ❌ <code>loans</code>: gate failed

<code>GATE&#95;FAILED</code> auc not worse failed

Next: look at the slices

| gate | outcome | evidence |
| --- | --- | --- |
| auc ≥ 0.6 | passed | 0.7 ≥ 0.6 |
| auc not worse | **failed** | −0.02, at least −0.03 |

| metric | candidate | champion (version 1) |
| --- | --- | --- |
| auc | 0.7123 (0.69 to 0.73) | 0.73 |
| brier | 0.2 |  |

On 1,200 rows; in brackets 90 % intervals.

Drift on <code>credit</code>, check 7 of 2026-01-01T00&#58;00&#58;00.000Z: drift of age

| rule | checks in a row | evidence |
| --- | --- | --- |
| psi over 0.2 | 2 | age 0.31 |

<details><summary>1 steps ran, 1 were reused in 65 s</summary>

| step |  | took | what |
| --- | --- | --- | --- |
| <code>rows</code> | reused |  | 4000 rows |
| <code>risk</code> | ran | 12.3 s | 20 trees |

</details>

<details><summary>Do it again</summary>

\`\`\`sh
git checkout abc123
npx slipway run loans --set trees=20 --wait
npx slipway rerun loans-20260101-000000-abcd --plan same --wait
\`\`\`

</details>

run <code>loans-20260101-000000-abcd</code>, plan <code>sha256&#58;${'ab'.repeat(32)}</code>, [console](https://console.example/runs/loans-20260101-000000-abcd), [workflow](http://127.0.0.1:8233/namespaces/default/workflows/run%2Floans)`)
    expect(runSummary({ ...told, page: undefined })).toContain(`</code>, [workflow](`)
  })

  it('lets no name or value be markup, a link, a mention or another command', () => {
    const bad = '</code>|`"><img src=x onerror=a>\n@octocat [x](javascript:a) $(rm -rf ~) \'; touch x #'
    const page = runSummary({
      record: {
        ...told.record,
        pipeline: bad,
        gates: [{ name: bad, passed: false, value: 0, limit: 0, evidence: bad }],
        error: { code: 'STEP_FAILED', message: bad, step: bad, next: bad },
        steps: [{ name: bad, kind: 'train', cached: false, stepKey: '', seconds: 1, summary: bad, outputs: [] }],
        origin: { set: JSON.stringify({ trees: bad }), from: bad, commit: bad },
      },
      link: bad,
      page: bad,
      report: undefined,
      drift: [{ endpoint: bad, seq: 0, at: bad, verdict: bad, rules: [] }],
    })
    const [, outside = '', commands = '', end = ''] = /^([\s\S]*?)^```+sh$([\s\S]*?)^```+$([\s\S]*)/m.exec(page) ?? []
    expect(outside + end).not.toMatch(/<(?!\/?(?:code|details|summary)>|!-- -->)|@\w|\]\(|`/)
    // Each value is one word of the shell, and nothing of it is carried out.
    const shell = `git() { for word; do printf '[%s]' "$word"; done; echo; }; npx() { git "$@"; };${commands}`
    const words = bad.replaceAll(/\s+/g, ' ')
    expect(execFileSync('sh', ['-c', shell], { encoding: 'utf8' }).split('\n')).toEqual([
      `[checkout][${words}]`,
      `[slipway][run][${words}][--set][trees=${words}][--from][${words}][--wait]`,
      '[slipway][rerun][loans-20260101-000000-abcd][--plan][same][--wait]',
      '',
    ])
  })
})

describe('a plan for a comment', () => {
  const steps = [
    { step: 'rows', kind: 'snapshot', state: 'reused', reason: 'made by run loans-1', stepKey: 'a', differs: null },
    { step: 'risk', kind: 'train', state: 'runs', reason: 'trees 20→50', stepKey: 'b', differs: 'trees 20→50' },
    { step: 'deploy', kind: 'deploy', state: 'always', reason: 'serves credit', stepKey: null },
  ] as const
  const releases = [{ step: 'deploy', kind: 'deploy' as const, does: 'serves credit', changes: ['policy.alpha 1→2'] }]
  const champions = [
    {
      model: 'loans',
      endpoint: 'credit',
      champion: { version: 3, digest: `sha256:${'0'.repeat(64)}` as const },
      run: 'loans-1',
    },
  ]
  const gates = [{ step: 'gate', part: 'test' as const, name: 'auc ≥ 0.6', default: false, note: null }]

  it('says what would run and why, what is judged, and what changes in the deployment', () => {
    const page = planMarkdown('loans', {
      plan: { digest: `sha256:${'ab'.repeat(32)}`, parallel: 4 },
      steps: steps.map((step) => ({ ...step, after: [] })),
      ...{ champions, wouldChange: true, gates, releases, views: [], checks: [] },
    })
    expect(page).toBe(`### <code>loans</code>: 1 of 3 steps would run

compared with the champion of loans for endpoint credit, version 3 &#40;000000000000&#41;, made by run loans-1

| step | would be | because |
| --- | --- | --- |
| <code>rows</code> | reused | made by run loans-1 |
| <code>risk</code> | **runs** | trees 20→50 |

<details><summary>1 gates would be judged</summary>

| step | gate | on | note |
| --- | --- | --- | --- |
| <code>gate</code> | auc ≥ 0.6 | test |  |

</details>

**The deployment changes in 1 of 1 steps**

| step | does | changes |
| --- | --- | --- |
| <code>deploy</code> | serves credit | policy.alpha 1→2 |

plan <code>abababababab</code>
`)
  })

  it('is a change where a step runs, is another than the champion’s, or the deployment is', () => {
    const [rows, risk, deploy] = steps
    const same = { ...deploy, changes: [] as string[] }
    expect(wouldChange({ steps: [rows, deploy], releases: [{ ...same, does: '' }] })).toBe(false)
    expect(wouldChange({ steps: [risk], releases: [] })).toBe(true)
    expect(wouldChange({ steps: [{ ...rows, differs: 'code of features' }], releases: [] })).toBe(true)
    expect(wouldChange({ steps: [rows], releases })).toBe(true)
  })
})
