import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../lib/code/host.ts'

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A command that goes on while others run. */
export interface BegunCommand {
  readonly result: Promise<CliResult>
  /** Resolves when its standard error holds a text. @throws when it ends without having said it */
  said(text: string): Promise<void>
  /** Presses Ctrl-C. */
  interrupt(): void
  /** Ends it from outside: SIGKILL is not heard by it. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): void
}

/**
 * Begins a command as a user would, in a folder of theirs.
 * @param root the checkout whose command it is
 */
export function beginSlipway(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  root = packageRoot,
): BegunCommand {
  const child = spawn(process.execPath, [join(root, 'bin/slipway.mjs'), ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  return {
    result: new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
    }),
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (stderr.includes(text)) resolve()
        }
        look()
        child.stderr.on('data', look)
        child.once('close', () => reject(new Error(`ended without having said "${text}":\n${stderr}`)))
      }),
    interrupt: () => void child.kill('SIGINT'),
    kill: (signal) => void child.kill(signal),
  }
}

/** Runs a command to its end, in a process of its own. */
export function slipway(cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> {
  return beginSlipway(cwd, args, env).result
}

/** A user's mistake: the documented exit code, at most five lines, no stack trace. */
export function expectUserError({ code, stderr }: CliResult, expectedCode: number, errorCode: string): string {
  const text = stderr.split('\n').filter((line) => line !== '')
  const start = text.findIndex((line) => /error |: .*: /.test(line) && line.includes(errorCode))
  const lines = text.slice(Math.max(0, start))
  if (code !== expectedCode || start < 0 || lines.length > 5 || /\n\s+at /.test(stderr)) {
    throw new Error(`expected exit ${expectedCode} with ${errorCode} in at most 5 lines, got exit ${code}:\n${stderr}`)
  }
  return lines.join('\n')
}
