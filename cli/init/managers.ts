import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** A package manager: how it is called, and what a workflow of CI runs. */
export interface Manager {
  readonly name: 'npm' | 'pnpm' | 'yarn'
  readonly install: readonly string[]
  /** In CI: what the lock says, and nothing else. */
  readonly ci: string
  /** Runs a command of a package that is installed. */
  readonly run: string
}

const managers: Readonly<Record<Manager['name'], Manager>> = {
  npm: { name: 'npm', install: ['install', '--no-audit', '--no-fund'], ci: 'npm ci', run: 'npx' },
  pnpm: { name: 'pnpm', install: ['install'], ci: 'corepack enable && pnpm install --frozen-lockfile', run: 'pnpm' },
  yarn: { name: 'yarn', install: ['install'], ci: 'corepack enable && yarn install --immutable', run: 'yarn' },
}
const locks = { 'pnpm-lock.yaml': 'pnpm', 'yarn.lock': 'yarn', 'package-lock.json': 'npm' } as const

/** The one whose lock file is there, or else the one that called us. */
export function managerOf(root: string, agent = process.env.npm_config_user_agent ?? ''): Manager {
  for (const [file, name] of Object.entries(locks)) if (existsSync(join(root, file))) return managers[name]
  const calling = (['pnpm', 'yarn'] as const).find((name) => agent.startsWith(`${name}/`))
  return managers[calling ?? 'npm']
}
