import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'

/** Packages that a file loads before it does anything: what it and all that it imports name at their top. */
async function packagesLoadedBy(entry: string): Promise<string[]> {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  const { metafile } = await build({
    entryPoints: [join(packageRoot, entry)],
    absWorkingDir: packageRoot,
    bundle: true,
    splitting: true,
    metafile: true,
    write: false,
    outdir: 'out',
    format: 'esm',
    platform: 'node',
    external: Object.keys({ ...dependencies, ...devDependencies }),
  })
  const files = new Set([entry])
  const packages = new Set<string>()
  for (const file of files)
    for (const { path, kind, external } of metafile.inputs[file]?.imports ?? [])
      if (kind === 'import-statement' && external) packages.add(path)
      else if (kind === 'import-statement') files.add(path)
  return [...packages].filter((name) => !name.startsWith('node:'))
}

describe('commands that are asked at every turn', () => {
  it('help, the version and mistakes take what reads the command line, and no schemas', async () => {
    expect((await packagesLoadedBy('cli/main.ts')).sort()).toEqual(['commander', 'fastest-levenshtein', 'picocolors'])
  })

  it('status reads a file and loads neither clients nor the schemas of artifacts', async () => {
    expect((await packagesLoadedBy('cli/commands/status.ts')).sort()).toEqual(['picocolors', 'zod/mini'])
  })

  it.each(['models', 'runs', 'show', 'lineage', 'labels', 'drift', 'explain', 'plan', 'verify', 'track'])(
    "%s reads the store without loading Temporal's client",
    async (command) => {
      const packages = await packagesLoadedBy(`cli/commands/${command}.ts`)
      expect(packages).toContain('@aws-sdk/client-s3')
      expect(packages).not.toContain('@temporalio/client')
    },
  )
})
