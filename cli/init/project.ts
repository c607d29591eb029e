import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { packageRoot } from '../../lib/code/host.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { pipelineFiles } from '../../lib/proposal/files/index.ts'
import type { Proposal } from '../../lib/proposal/propose.ts'
import type { Template } from '../../lib/proposal/templates.ts'
import { slug } from '../../lib/proposal/words.ts'
import type { Manager } from './managers.ts'
import { type Needed, readManifest, withNeeded } from './package-json.ts'
import { gitignore, readme, tsconfig, workflow } from './project-files.ts'

/** What a project is made of, or what is added to one. */
export interface Project {
  /** Texts and bytes to be written, by their paths from the project's folder. */
  readonly files: ReadonlyMap<string, string | Uint8Array>
  /** Files that are there already and stay as they are. */
  readonly kept: readonly string[]
  /** Packages that the project needs. */
  readonly packages: readonly string[]
}

/** What a project is made from. */
export interface ProjectOrder {
  readonly root: string
  readonly proposal: Proposal
  readonly template: Template
  readonly manager: Manager
  /** Files of the user's that go into the project. */
  readonly copied: ReadonlyMap<string, string | Uint8Array>
  /** A finished model, from the project's folder. */
  readonly model: string | undefined
}

/** All files of a project. What is there is added to, or stays. @throws SlipwayError USAGE */
export function projectOf({ root, proposal, template, manager, copied, model }: ProjectOrder): Project {
  const text = (file: string): string | undefined =>
    existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : undefined
  const files = new Map(copied)
  const kept: string[] = []
  const addUnlessThere = (file: string, content: string): void => {
    if (existsSync(join(root, file))) kept.push(file)
    else files.set(file, content)
  }
  for (const [file, content] of pipelineFiles(proposal, template, model)) files.set(file, content)
  if (template === 'python') for (const [file, content] of trainer()) addUnlessThere(file, content)
  const before = text('package.json')
  const manifest = readManifest(before)
  // What is there may be checked in ways of its own, and be no module: pipelines then have their own settings.
  const isOwn = existsSync(join(root, 'tsconfig.json'))
  if (!isOwn) files.set('tsconfig.json', tsconfig(['pipelines', '*.ts']))
  else addUnlessThere('pipelines/tsconfig.json', tsconfig(['**/*.ts']))
  if (manifest !== undefined && manifest.type !== 'module')
    addUnlessThere('pipelines/package.json', `${JSON.stringify({ type: 'module', private: true }, null, 2)}\n`)
  const name = slug(basename(root)) ?? 'models'
  const needed = neededPackages()
  const changed = withNeeded(before, name, needed, isOwn ? 'pipelines' : '.')
  files.set('package.json', changed.text)
  // Tables may hold what is nobody else's business: what was copied here is not put into git unasked.
  const isPrivate = [...copied].some(([file, content]) => typeof content !== 'string' && file.startsWith('data/'))
  files.set('.gitignore', gitignore(text('.gitignore'), isPrivate ? ['data/'] : []))
  addUnlessThere('README.md', readme(name, proposal, template, manager))
  addUnlessThere('.github/workflows/pipelines.yml', workflow(manager, changed.check))
  return {
    files,
    kept,
    packages: [...Object.keys(needed.dependencies), ...Object.keys(needed.devDependencies)],
  }
}

/** @throws SlipwayError USAGE where a pipeline of that name is there */
export function requireFree(root: string, { name }: Proposal): void {
  if (existsSync(join(root, 'pipelines', name)))
    throw new SlipwayError('USAGE', `pipelines/${name} is there already, and nothing of it is overwritten`, {
      next: `--name with another name, or remove the folder`,
    })
}

/** What checks and tests a project: the versions that Slipway itself is checked and tested with. */
export const developing = { '@types/node': '^20.19.43', typescript: '^7.0.2', vitest: '^4.1.12' } as const

/** What a project needs, in the versions that Slipway is tested with. */
function neededPackages(): Needed {
  const { version, dependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string
    dependencies: Record<string, string>
  }
  return {
    dependencies: { slipway: `^${version}`, zod: `^${dependencies.zod}` },
    devDependencies: developing,
  }
}

/** The Python program that trains: the example that the build brings along. */
function trainer(): [string, string][] {
  return ['train.py', 'requirements.in', 'requirements.txt'].map((file) => [
    `trainers/sklearn/${file}`,
    readFileSync(join(packageRoot, 'dist/trainers/sklearn', file), 'utf8'),
  ])
}
