import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { packageRoot } from '../../lib/code/host.ts'
import { readmeBlocks } from './readme-blocks.ts'

/** The commands of the README's section, as they stand there. */
export const ownTableCommands = (): readonly string[] =>
  readmeBlocks(readFileSync(join(packageRoot, 'README.md'), 'utf8')).find(({ heading }) =>
    heading.startsWith('Your own table'),
  )?.commands ?? []

/** Customers of a test's own making: those on the small plan who seldom come, leave. Written as a spreadsheet would. */
export function writeCustomers(folder: string): void {
  const lines = ['customer_id,signup,plan,age,visits,churned']
  for (let i = 0; i < 900; i++) {
    const thrown = Math.imul(i + 1, 2654435761) >>> 8
    const signup = new Date(Date.UTC(2024, 0, 1) + Math.floor(i / 2) * 86_400_000).toISOString().slice(0, 10)
    const plan = ['basic', 'pro', 'team'][thrown % 3]
    const visits = (thrown >>> 4) % 30
    const churned = (plan === 'basic' ? visits < 20 : visits < 6) !== ((thrown >>> 9) % 12 === 0)
    lines.push(
      `C-${100_000 + i},${signup},${plan},${i % 40 === 7 ? 'NA' : 18 + ((thrown >>> 6) % 60)},${visits},${churned ? 'yes' : 'no'}`,
    )
  }
  writeFileSync(join(folder, 'customers.csv'), `\uFEFF${lines.join('\r\n')}\r\n`)
}

/** A command and what it came to; what is behind one that failed is not there. */
export interface CommandSaid {
  readonly command: string
  readonly said: string
}

const mark = '=== '

/** Runs commands in one shell, one after another, until one fails. */
export async function runAll(
  folder: string,
  commands: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly said: readonly CommandSaid[] }> {
  const script = ['set -e', ...commands.flatMap((command, i) => [`printf '\\n${mark}${i}\\n'`, command])].join('\n')
  const child = spawn('sh', ['-c', `${script}\n`], {
    cwd: folder,
    env: { ...process.env, NODE_ENV: undefined, VITEST: undefined, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const take = (chunk: Buffer): void => {
    text += chunk
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const code = await new Promise<number | null>((done) => void child.once('close', done))
  const said = stripVTControlCharacters(text)
    .split(new RegExp(`^${mark}`, 'm'))
    .slice(1)
    .map((part, i) => ({ command: commands[i] as string, said: part.slice(part.indexOf('\n') + 1) }))
  return { code, said }
}
