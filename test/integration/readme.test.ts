import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'

/**
 * A stranger's copy: what git would clone, in an empty folder, and the packages that `npm ci` brings. They are those
 * that this very test runs on, linked: `npm run test:peers` installs them in an empty folder.
 */
const clone = mkdtempSync(join(tmpdir(), 'slipway-clone-'))
const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8')
/** What begins in somebody's own folder is in own-table.test.ts. */
const here = readme.replace(/^## Your own table[\s\S]*?(?=^## )/m, '')
const blocks = [...here.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) =>
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
  // Where the folder for temporary files is on another disk, there are no links to it.
  sh(`cp -al "${join(packageRoot, 'node_modules')}" . 2>/dev/null || cp -a "${join(packageRoot, 'node_modules')}" .`)
})
afterAll(() => {
  spawnSync('node', ['bin/slipway.mjs', 'down'], { cwd: clone })
  rmSync(clone, { recursive: true, force: true })
})

function sh(command: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd: clone,
    // Many weeks in fast time: nobody waits two seconds for what gateways counted.
    env: { ...process.env, SLIPWAY_WINDOW_MS: '500' },
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

  it('npm start lives through the whole life of a model, and ends with a line that answers', () => {
    const said = sh('npm start')
    expect(said).toMatch(/2001-04-01 {2}version 1 serves flights/)
    expect(said).toMatch(/alarm: calibrationError > 0\.05 \(2 checks in a row\)/)
    expect(said).toMatch(/the supervisor retrains \(flights-\S+\): calibrationError/)
    expect(said).toMatch(/gates and canary passed: version 2 took over/)
    expect(said).toMatch(
      /sabotage: a candidate learnt from poisoned labels was thrown out: not worse than champion on labelled rows/,
    )
    expect(said).toMatch(/requests failed: 0$/m)
    const auc = (words: string): number => Number(new RegExp(`${words} +auc (0\\.\\d+)`).exec(said)?.[1])
    // On the very rows that the new version answered it did better than the old one would have.
    expect(auc('live, version 2, after')).toBeGreaterThan(auc('the same rows, had version 1 stayed'))
    const [, line] = /try it +(curl .*)/.exec(said) ?? []
    expect(JSON.parse(sh(`${line} --silent`))).toMatchObject({ model_version: '2', outputs: [{ name: 'probability' }] })
    const again = sh('npm start -- --keep')
    expect(again).toMatch(/going on from here; version 2 serves flights/)
    expect(again).toMatch(/requests failed: 0$/m)
  })

  it('an hour is not like the training rows, a week is, and the product says so', () => {
    const { status } = spawnSync('node', ['bin/slipway.mjs', 'drift', 'calibrate', 'flights', '--span', '1h'], {
      cwd: clone,
    })
    expect(status).toBe(17)
    sh('npx slipway drift calibrate flights --span 7d')
  })

  it.each(blocks[2] as string[])('%s', (command) => {
    sh(command)
  })
})
