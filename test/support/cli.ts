import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../code/host.ts'

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the command as a user would, in a folder of theirs; `interrupt` sends a signal once it has said something. */
export function slipway(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
  interrupt?: { signal: NodeJS.Signals; when: string },
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(packageRoot, 'bin/slipway.mjs'), ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    let interrupted = false
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
      if (interrupt !== undefined && !interrupted && stderr.includes(interrupt.when)) {
        interrupted = child.kill(interrupt.signal)
      }
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
  })
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
