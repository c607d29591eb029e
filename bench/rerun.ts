import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { slipway } from '../test/support/cli.ts'
import { newProject } from '../test/support/project.ts'
import { type Figure, median } from './measure.ts'

/** The second identical run of the flights example, against the first: what reuse costs, process start included. */
export async function measureRerun(): Promise<Figure> {
  const project = newProject()
  cpSync(join(packageRoot, 'pipelines/flights'), join(project.root, 'pipelines/flights'), { recursive: true })
  symlinkSync(join(packageRoot, 'node_modules'), join(project.root, 'node_modules'))
  await slipway(project.root, ['up', '--detach'])
  const run = async (): Promise<number> => {
    const start = performance.now()
    const { code, stderr } = await slipway(project.root, ['run', 'flights', '--wait', '--json'])
    if (code !== 0) throw new Error(stderr)
    return (performance.now() - start) / 1000
  }
  try {
    const first = await run()
    const second = median([await run(), await run(), await run()])
    return {
      what: 'a second identical run of flights, against the first',
      ours: `${second.toFixed(1)} s`,
      theirs: `${first.toFixed(1)} s`,
      ratio: second / first,
      limit: 0.15,
    }
  } finally {
    await slipway(project.root, ['down'])
    project.remove()
  }
}
