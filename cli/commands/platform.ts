import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../../lib/code/host.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { type Platform, startPlatform, stopPlatform } from '../../workers/platform/platform.ts'
import {
  logFile,
  makePlatformFolder,
  type PlatformState,
  readPlatform,
  writeWhole,
} from '../../workers/platform/state.ts'
import { findRoot } from '../../workers/settings.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { print, printJson, say } from '../output.ts'
import { showState } from './status.ts'

export interface UpOptions {
  readonly detach?: boolean
  readonly adoptStore?: boolean
  readonly json?: boolean
}

/** Starts the embedded platform and stays until it is told to stop; with `detach` it stays behind instead. */
export async function up(options: UpOptions): Promise<number> {
  const root = findRoot()
  const running = readPlatform(root)
  if (running !== undefined) {
    say('the platform is running already')
    showState(root, running, options)
    return 0
  }
  if (options.adoptStore === true) process.env.SLIPWAY_ADOPT_STORE = '1'
  if (options.detach === true) {
    showState(root, await startDetached(root), options)
    return 0
  }
  const platform = await startPlatform(root, (what) => say(colors.dim(`  ${what}`)))
  stopOnSignals(platform)
  await lookForLost()
  showState(root, platform.state, options)
  say('Ctrl-C stops it')
  await platform.ended
  return 0
}

/** What Temporal lost is noted, for whoever asks how the platform stands. That nobody could look stops nothing. */
async function lookForLost(): Promise<void> {
  const { recoverLost } = await import('../../client/recover.ts')
  const context = openContext(false)
  await recoverLost(context, { dryRun: true }).catch(() => {})
  await context.close()
}

export async function down(options: { json?: boolean }): Promise<number> {
  const stopped = await stopPlatform(findRoot(), say)
  if (options.json === true) printJson({ stopped })
  else say(stopped ? 'stopped; its data stays in .slipway/' : 'no platform runs here')
  return 0
}

function stopOnSignals(platform: Platform): void {
  let asked = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (asked) return
      asked = true
      say('stopping')
      void platform.stop().then(() => process.exit(signal === 'SIGINT' ? 130 : 0))
    })
  }
}

/** Starts a platform that stays behind. @param onLine what it says meanwhile */
export async function startDetached(
  root: string,
  onLine: (line: string) => void = () => {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<PlatformState> {
  const log = logFile(root, 'platform')
  makePlatformFolder(root)
  writeWhole(log, '')
  const output = openSync(log, 'a', 0o600)
  const child = spawn(process.execPath, [`${packageRoot}/bin/slipway.mjs`, 'up'], {
    cwd: root,
    env,
    detached: true,
    stdio: ['ignore', output, output],
  })
  let ended = false
  child.once('exit', () => {
    ended = true
  })
  child.unref()
  let shown = 0
  // It gives up by itself what does not start: we wait for as long as it runs.
  for (;;) {
    const lines = readFileSync(log, 'utf8').split('\n')
    for (const line of lines.slice(shown, -1)) if (line.startsWith('  ')) onLine(line)
    shown = Math.max(shown, lines.length - 1)
    const state = readPlatform(root)
    if (state !== undefined && /Ctrl-C stops it/.test(readFileSync(log, 'utf8'))) return state
    if (ended) {
      const said = readFileSync(log, 'utf8').trim().split('\n')
      throw new SlipwayError('PLATFORM_MISSING', `the platform did not start: ${said.slice(-2).join(' ')}`, {
        next: `see ${log}`,
      })
    }
    await sleep(100)
  }
}

/** Whether everything a run needs is there and works. */
export async function doctor(options: { json?: boolean }): Promise<number> {
  const { readHealth } = await import('../../client/health.ts')
  const document = await readHealth(openContext(false))
  if (options.json === true) printJson(document)
  else
    for (const { check, passed, detail } of document.findings)
      print(`${passed ? colors.green('ok  ') : colors.red('FAIL')}  ${check.padEnd(52)} ${detail}`)
  return document.healthy ? 0 : 20
}
