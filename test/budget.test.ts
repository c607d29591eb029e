import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../lib/code/host.ts'
import { expensive, installers, shareOfSlowest } from './support/budget.ts'
import { readDurations } from './support/longest-first.ts'

/*
 * What `npm test` may cost, for it is what a newcomer sees. Systems that are not ours, and what has to be installed,
 * are for `npm run test:peers`.
 */
const sources = readdirSync(join(packageRoot, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/^(peers\/|cases\/[^/]+\/)/.test(file))
  .map((file) => `test/${file}`)
const tests = sources.filter((file) => file.endsWith('.test.ts'))
/**
 * Words that are only read: what the README says, of which the test carries out what comes after the installation. Of
 * botocore's wheel the service models are read, and nothing is run.
 */
const onlyRead: Record<string, readonly string[]> = {
  'test/deploy.test.ts': ['prometheus'],
  'test/support/botocore.ts': ['pip'],
  'test/integration/readme.test.ts': ['npm ci && ', 'npm ci && npm start', 'npm ci && npm test'],
}

describe('npm test', () => {
  it.each(sources.filter((file) => !installers.includes(file)))(
    'installs nothing and starts nobody else’s product: %s',
    (file) => {
      const allowed = onlyRead[file] ?? []
      const found = expensive(file, readFileSync(join(packageRoot, file), 'utf8'))
      expect(found.filter((text) => !allowed.includes(text))).toEqual([])
    },
  )

  it.each([
    ["import { spawn } from 'node:child_process'\nspawn('java', ['-jar', 'kafka.jar'])", 'java'],
    ["import { execFileSync } from 'node:child_process'\nexecFileSync('/a/bin/pip', ['install'])", '/a/bin/pip'],
    ["import { execSync } from 'node:child_process'\nexecSync('cd x && npm ci')", 'cd x && npm ci'],
    ["import { pythonEnvironment } from '../support/python.ts'", '../support/python.ts'],
  ])('is noticed when it does: %s', (text, found) => {
    expect(expensive('a.ts', text)).toEqual([found])
  })

  it('is not for long files: the ten slowest take at most half of the time of all', () => {
    expect(shareOfSlowest(readDurations())).toBeLessThanOrEqual(0.5)
  })

  it('begins with its longest files, so each is on record: RECORD_DURATIONS=1 npx vitest run <file> adds it', () => {
    expect(Object.keys(readDurations()).sort()).toEqual(tests.sort())
  })
})
