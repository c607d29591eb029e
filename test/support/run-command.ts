import { runCommandLine } from '../../cli/command-line.ts'
import type { CliResult } from './cli.ts'

/** The folder and environment that commands run in now, and how many there are. */
let here = { key: '', running: 0 }

/**
 * Runs a command in this process: what `slipway()` does in one of its own, without its start. Commands of one place may
 * run at once; a file has one place at a time, for working folder and environment are the process's.
 * @param ended rejects with what ends the command from outside
 */
export async function runCommand(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  ended?: Promise<never>,
): Promise<CliResult> {
  const key = JSON.stringify([cwd, env])
  if (here.running > 0 && here.key !== key) throw new Error(`a command of another place runs: ${here.key}`)
  const before = { cwd: process.cwd(), env: Object.keys(env).map((name) => [name, process.env[name]] as const) }
  if (here.running === 0) {
    process.chdir(cwd)
    Object.assign(process.env, env)
  }
  here = { key, running: here.running + 1 }
  const said = { stdout: '', stderr: '' }
  const into = (stream: keyof typeof said) => ({
    write(text: string) {
      said[stream] += text
    },
  })
  try {
    const code = await runCommandLine(args, ended, { stdout: into('stdout'), stderr: into('stderr') })
    return { code, ...said }
  } finally {
    here = { key, running: here.running - 1 }
    if (here.running === 0) {
      process.chdir(before.cwd)
      for (const [name, value] of before.env)
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
    }
  }
}
