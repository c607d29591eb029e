import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { beginSlipway } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { loansSql, newProject, writeLoans } from '../support/project.ts'
import { runCommand as slipway } from '../support/run-command.ts'

it('a platform brings a killed worker, store and Temporal server back, and the run finishes', async () => {
  const project = newProject()
  writeLoans(project, { learner: 'trees({ trees: 60, leaves: 31, minRowsPerLeaf: 5 })' })
  await project.data('data/loans.parquet', loansSql(20_000))
  const up = await slipway(project.root, ['up', '--detach', '--json'])
  expect(up, up.stderr).toMatchObject({ code: 0 })
  try {
    const running = beginSlipway(project.root, ['run', 'loans', '--wait', '--json'])
    const state = () => JSON.parse(readFileSync(join(project.root, '.slipway/platform.json'), 'utf8'))
    // In the middle of it: something is made, and more is to come.
    await running.said('✓')
    const worker = state().worker.pid
    process.kill(worker, 'SIGKILL')
    // The servers: children of the platform, found by what they hold open.
    for (const path of ['/temporal.db', '/s3']) {
      const pid = pidHolding(join(project.root, '.slipway') + path, state().pid)
      expect(pid, path).toBeDefined()
      process.kill(pid as number, 'SIGKILL')
    }
    const result = await running.result
    expect(result, result.stderr).toMatchObject({ code: 0 })
    await eventually(() => state().worker.pid !== worker)
  } finally {
    await slipway(project.root, ['down'])
    project.remove()
  }
})

/** The pid of the server whose command line names a path. */
function pidHolding(path: string, notPid: number): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (command[0]?.endsWith('sh') || Number(pid) === notPid) continue
      if (command.some((word) => word.endsWith(path))) return Number(pid)
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined
}
