import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { registerServed } from '../support/registered-models.ts'
import { runCommand } from '../support/run-command.ts'
import { bucketSettings, openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * A registered model, as the tools of others read it: OpenSSF's model_signing verifies its signature, and CycloneDX's
 * validator its bill of materials.
 */
const reference = join(packageRoot, 'test/reference')
let server: TestBucket
let project: TestProject
let env: Record<string, string>
beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  await registerServed(project, server.store, 'opt')
  env = { ...(await bucketSettings(server)), SLIPWAY_ROOT: project.root }
})
afterAll(async () => {
  await server?.stop()
  project?.remove()
})

async function exported(...args: string[]): Promise<void> {
  const { code, stderr } = await runCommand(project.root, ['export', ...args], env)
  expect(code, stderr).toBe(0)
}
/** @returns the exit code, and all that is printed */
const outcomeOf = (command: string, args: readonly string[]): Promise<{ code: number; text: string }> =>
  promisify(execFile)(command, args, { cwd: project.root }).then(
    ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, text: stdout + stderr }),
  )

it.for(['P-256', 'P-384', 'P-521'])(
  'model_signing accepts what we sign on %s, and finds what was changed',
  async (namedCurve, context) => {
    const environment = await pythonEnvironmentOr(join(reference, 'oms-requirements.txt'))
    if ('missing' in environment) return context.skip(environment.missing)
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
    project.write('model.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
    project.write('public.pem', publicKey.export({ type: 'spki', format: 'pem' }) as string)
    const folder = `signed-${namedCurve}`
    await exported('oms', 'opt', '--to', folder, '--key', 'model.pem')
    const check = (key = 'public.pem') =>
      outcomeOf(join(environment.bin, 'model_signing'), [
        ...['verify', 'key', folder, '--signature', `${folder}/model.sig`, '--public_key', key],
      ])
    expect(await check()).toMatchObject({ code: 0, text: expect.stringContaining('Verification succeeded') })

    const file = join(project.root, folder, 'baseline.json')
    const before = readFileSync(file)
    writeFileSync(file, Buffer.concat([before, Buffer.from(' ')]))
    expect(await check()).toMatchObject({ code: 1, text: expect.stringMatching(/Hash mismatch for .*baseline\.json/) })
    writeFileSync(file, before)
    renameSync(file, `${file}.moved`)
    expect(await check()).toMatchObject({ code: 1, text: expect.stringContaining('Missing files') })
    renameSync(`${file}.moved`, file)
    const other = generateKeyPairSync('ec', { namedCurve }).publicKey
    project.write('other.pem', other.export({ type: 'spki', format: 'pem' }) as string)
    expect(await check('other.pem')).toMatchObject({ code: 1, text: expect.stringContaining('Key mismatch') })
    expect((await check()).code).toBe(0)
  },
)

it('a bill of materials is as the strict schema of CycloneDX 1.6 has it, and what is not is found', async (context) => {
  const environment = await pythonEnvironmentOr(join(reference, 'cyclonedx-requirements.txt'))
  if ('missing' in environment) return context.skip(environment.missing)
  await exported('cyclonedx', 'opt', '--output', 'bom.json')
  const text = readFileSync(join(project.root, 'bom.json'), 'utf8')
  project.write('odd.json', text.replace('"architectureFamily"', '"architecture"'))
  const script = join(reference, 'cyclonedx_valid.py')
  const check = (file: string) => outcomeOf(join(environment.bin, 'python'), [script, file])
  expect(await check('bom.json')).toEqual({ code: 0, text: 'ok\n' })
  expect(await check('odd.json')).toMatchObject({ code: 1, text: expect.stringContaining('FAIL') })
})
