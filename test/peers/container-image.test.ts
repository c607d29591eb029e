import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readImage, writeImageOf } from '../support/container-images.ts'
import { debianPackage } from '../support/debian.ts'
import { type OptModel, openOptModel } from '../support/opt-model.ts'

/** Debian's skopeo, and the libraries that it needs besides those of every system. */
const skopeoPackages = [
  ['skopeo', '1.9.3+ds1-1+b10'],
  ['libgpgme11', '1.18.0-3+deb12u1'],
  ['libassuan0', '2.5.5-5'],
  ['libdevmapper1.02.1', '2:1.02.185-2'],
] as const

const found = await Promise.all(skopeoPackages.map(([name, version]) => debianPackage(name, version))).catch(
  (error: Error) => error.message,
)
const why = typeof found === 'string' ? ` (skopeo cannot be had here: ${found})` : ''

describe.skipIf(typeof found === 'string')(`an image as skopeo reads it${why}`, () => {
  const [skopeo] = found as string[]
  const libraries = (found as string[]).flatMap((folder) =>
    ['lib', 'usr/lib'].map((place) => join(folder, place, 'x86_64-linux-gnu')),
  )
  const run = (...args: string[]): string =>
    execFileSync(join(skopeo as string, 'usr/bin/skopeo'), args, {
      encoding: 'utf8',
      env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  let model: OptModel
  let place: string
  let digest: string
  const image = (): string => join(place, 'image')
  beforeAll(async () => {
    model = await openOptModel()
    place = mkdtempSync(join(tmpdir(), 'slipway-skopeo-'))
    writeFileSync(join(place, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
    digest = (await writeImageOf(image(), model.store, model.version)).digest
  })
  afterAll(() => model?.stop())

  it('has the digest that it was written under, its labels, its system and its layers', () => {
    const seen = JSON.parse(run('inspect', `oci:${image()}`))
    expect(seen).toMatchObject({
      Digest: digest,
      Architecture: 'amd64',
      Os: 'linux',
      Created: '1970-01-01T00:00:00Z',
      Labels: { 'slipway.model': 'opt', 'slipway.model.digest': model.version.digest },
    })
    expect(seen.Layers).toHaveLength(5)
    expect(JSON.parse(run('inspect', `oci:${image()}:opt-1`)).Digest).toBe(digest)
    const { config } = JSON.parse(run('inspect', '--config', `oci:${image()}`))
    expect(config).toEqual(readImage(image()).config)
  })

  it('is copied to another layout under the same digest, and into an archive that Docker loads', () => {
    const policy = ['--policy', join(place, 'policy.json')]
    run(...policy, 'copy', '--preserve-digests', `oci:${image()}`, `oci:${join(place, 'copy')}:served`)
    expect(JSON.parse(run('inspect', `oci:${join(place, 'copy')}`)).Digest).toBe(digest)
    run(...policy, 'copy', `oci:${image()}`, `docker-archive:${join(place, 'docker.tar')}:flights:3`)
    execFileSync('tar', ['-xf', join(place, 'docker.tar'), '-C', place, 'manifest.json'])
    const [{ RepoTags, Layers }] = JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8'))
    expect(RepoTags).toEqual([expect.stringMatching(/flights:3$/)])
    expect(Layers).toHaveLength(5)
  })
})
