import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../code/host.ts'
import { errorCodes, exitCodes } from '../../pipelines/errors.ts'

/** A stranger's copy: what git would clone, in an empty folder. */
const clone = mkdtempSync(join(tmpdir(), 'slipway-clone-'))
const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) =>
  (text as string)
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim()),
)

beforeAll(() => {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: packageRoot,
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
  for (const file of files) {
    mkdirSync(dirname(join(clone, file)), { recursive: true })
    cpSync(join(packageRoot, file), join(clone, file))
  }
})
afterAll(() => {
  spawnSync('node', ['bin/slipway.mjs', 'down'], { cwd: clone })
  rmSync(clone, { recursive: true, force: true })
})

function sh(command: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd: clone,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  expect(status, `${command}\n${stdout}\n${stderr}`).toBe(0)
  return stdout
}

describe('the README, word for word in an empty folder', () => {
  it('begins with the two commands', () => {
    expect(blocks.slice(0, 2)).toEqual([['npm ci && npm start'], ['npm ci && npm test']])
  })

  it('npm ci && npm start ends with a model of an AUC of at least 0.69 that a canary promoted, and a line that answers', () => {
    const said = sh('npm ci && npm start')
    const [, auc] = /flights version 2 is champion \(auc (0\.\d+)\)/.exec(said) ?? []
    expect(Number(auc)).toBeGreaterThanOrEqual(0.7)
    expect(said).toMatch(/rollout flights-\S+: promoted after/)
    const [, line] = /try it +(curl .*)/.exec(said) ?? []
    expect(JSON.parse(sh(`${line} --silent`))).toMatchObject({ model_version: '2', outputs: [{ name: 'probability' }] })
    expect(said).toMatch(/auc ≥ 0\.69 +passed/)
    expect(said).toMatch(/http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/run%2Fflights/)
    const [digest] = /sha256:[0-9a-f]{64}/.exec(said) ?? []
    const again = sh('npm start 2>&1')
    expect(again).toContain(digest)
    expect(again.match(/ reused$/gm)).toHaveLength(9)
    expect(again).toContain('flights serves version 2 already')
  }, 900_000)

  it.each(blocks[2] as string[])(
    '%s',
    (command) => {
      sh(command)
    },
    120_000,
  )
})

describe('the documentation', () => {
  it('has every error code under its exit code', () => {
    const rows = [
      ...readFileSync(join(packageRoot, 'docs/cli.md'), 'utf8').matchAll(/^\| (\d+) +\| [^|]+ \| ([^|]*)\|$/gm),
    ]
    const documented = Object.fromEntries(
      rows.flatMap(([, code, names]) =>
        [...(names as string).matchAll(/`([A-Z_]+)`/g)].map(([, name]) => [name, Number(code)]),
      ),
    )
    expect(documented).toEqual(errorCodes)
    expect(rows.map(([, code]) => Number(code)).sort((a, b) => a - b)).toEqual(
      Object.values(exitCodes).sort((a, b) => a - b),
    )
  })

  it('links only to files that exist', () => {
    for (const file of [
      'README.md',
      'docs/cli.md',
      'docs/definition.md',
      'docs/deploy.md',
      'docs/architecture.md',
      'docs/rollouts.md',
      'docs/serving.md',
    ]) {
      const text = readFileSync(join(packageRoot, file), 'utf8')
      for (const [, target] of text.matchAll(/\]\((?!http)([^)#]+)/g))
        expect(
          () => readFileSync(join(packageRoot, dirname(file), target as string)),
          `${file}: ${target}`,
        ).not.toThrow()
    }
  })
})
