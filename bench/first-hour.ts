import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { packAll } from '../scripts/pack.mjs'
import { ownTableCommands, runAll, writeCustomers } from '../test/support/own-table.ts'
import { startRegistry } from '../test/support/registry.ts'
import { type Figure, median } from './measure.ts'

const peers = join(packageRoot, 'bench/peers')
const rounds = 3

/** What somebody does to get to a model. */
interface Way {
  readonly commands: readonly string[]
  /** Files of `bench/peers` that are there before, by their names there. */
  readonly files: Readonly<Record<string, string>>
  /** What the last command says of the model. */
  readonly says: RegExp
  /** What is done afterwards, and not timed. */
  readonly after: readonly string[]
}

/** Of the README's commands those that lead to a model. */
const leading = ['npm create', 'cd ', 'npx slipway up', 'npx slipway run']
const slipway: Way = {
  commands: ownTableCommands().filter((command) => leading.some((begin) => command.startsWith(begin))),
  files: {},
  says: /version 1 is champion/,
  after: ['cd my-models', 'npx slipway down'],
}
/** Its flow is written already. */
const metaflow: Way = {
  commands: [
    'python3 -m venv .venv',
    '.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt',
    '.venv/bin/python churn.py run',
  ],
  files: { 'churn.py': 'metaflow_churn.py', 'requirements.txt': 'metaflow-requirements.txt' },
  says: /auc 0\.[6-9]/,
  after: [],
}

/**
 * From an empty folder with a table in it to a model of that table, by Slipway's README (whose model is registered and
 * served by then) and with Metaflow (whose model is an artifact). Caches of packages and servers are empty each time.
 */
export async function measureFirstHour(): Promise<Figure> {
  const home = mkdtempSync(join(tmpdir(), 'slipway-bench-first-hour-'))
  const registry = await startRegistry(await packAll(join(home, 'tarballs'), [`${process.platform}-${process.arch}`]))
  const seconds = { ours: [] as number[], theirs: [] as number[] }
  try {
    for (let round = 0; round < rounds; round++)
      for (const [side, way] of [
        ['ours', slipway],
        ['theirs', metaflow],
      ] as const)
        seconds[side].push(await secondsOf(way, join(home, `${side}-${round}`), registry.url))
  } finally {
    await registry.close()
    rmSync(home, { recursive: true, force: true })
  }
  const [ours, theirs] = [median(seconds.ours), median(seconds.theirs)]
  return {
    what: 'from an empty folder and empty caches to a model of a table of 900 rows, registered and served, against an artifact of Metaflow',
    ours: `${ours.toFixed(1)} s`,
    theirs: `${theirs.toFixed(1)} s`,
    ratio: ours / theirs,
    limit: 1,
  }
}

async function secondsOf({ commands, files, says, after }: Way, place: string, registry: string): Promise<number> {
  mkdirSync(place)
  writeCustomers(place)
  for (const [name, file] of Object.entries(files)) copyFileSync(join(peers, file), join(place, name))
  const cache = join(place, '.cache')
  const env = {
    XDG_CACHE_HOME: cache,
    npm_config_cache: join(cache, 'npm'),
    npm_config_registry: registry,
    npm_config_yes: 'true',
    METAFLOW_USER: 'stranger',
  }
  const start = performance.now()
  const { code, said } = await runAll(place, commands, env)
  const taken = (performance.now() - start) / 1000
  await runAll(place, after, env)
  const last = said.at(-1)
  if (code !== 0 || said.length < commands.length || !says.test(last?.said ?? ''))
    throw new Error(`${last?.command} ended with ${code}:\n${last?.said}`)
  rmSync(place, { recursive: true, force: true })
  return taken
}
