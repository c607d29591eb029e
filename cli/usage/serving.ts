import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const standing = () => import('../commands/standing.ts')
const rollingOut = () => import('../commands/rollout.ts')
const simulating = () => import('../commands/simulate.ts')
const explaining = () => import('../commands/explain.ts')
const rollingBack = () => import('../commands/rollback.ts')
const writing = () => import('../commands/client.ts')
const serving = () => import('../commands/serve.ts')

/** Endpoints and their rollouts. */
export function servingCommands(program: Usage): void {
  program.commandsGroup('Serving:')
  program
    .command('rollback')
    .description('serve the version before, at once; works with Temporal down')
    .takes('<endpoint>', kinds.name)
    .offers('--to <version>', 'or this version', kinds.versionNumber)
    .offers('--reason <text>', 'why, for the record', kinds.words)
    .json()
    .examples('npx slipway rollback flights --reason "late flights look early"')
    .does(async (name, options) => (await rollingBack()).rollback(name, options))
  rolloutCommands(program.command('rollout').description('what an endpoint serves, and its rollout'))
  program
    .command('explain')
    .description('every decision of a rollout with its evidence; what the scores of a model rest on')
    .takes('<what>', kinds.explained)
    .offers(
      '--row <file>',
      'of a model: why the rows of a JSON, CSV or parquet file get their scores',
      kinds.existingFile,
    )
    .option('--replay', 'recompute each decision from the stored evidence and compare; exit 16 if one differs')
    .json()
    .examples(
      'npx slipway explain flights-20261122-034512-k3x9 --replay',
      'npx slipway explain flights@champion --row row.json',
    )
    .does(async (id, options) => (await explaining()).explain(id, options))
  program
    .command('endpoints')
    .description('all endpoints in short: what each serves since when, its gateways, its rollout, its last check')
    .json()
    .does(async (options) => (await standing()).endpoints(options))
  program
    .command('gateway')
    .description('run a gateway alone, until it is stopped')
    .offers('--port <port>', '8080 by default', kinds.whole(0, 65_535))
    .offers('--host <address>', '127.0.0.1 by default', kinds.host)
    .examples('npx slipway gateway --port 8081')
    .does(async (options) => (await serving()).gateway(options))
  program
    .command('client')
    .description('write a typed client of an endpoint, by its contract')
    .takes('<endpoint>', kinds.name)
    .offers('--out <file>', 'write it there, and not to standard output', kinds.path)
    .option('--check', 'write nothing; exit 16 where the file is not what it would write')
    .json()
    .examples(
      'npx slipway client flights --out src/flights.ts',
      'npx slipway client flights --out src/flights.ts --check',
    )
    .does(async (endpoint, options) => (await writing()).client(endpoint, options))
  program
    .command('predict')
    .description('predictions for rows in a JSON file')
    .takes('<endpoint>', kinds.name)
    .needs('--data <file>', 'one row or an array of rows; - reads standard input', kinds.path)
    .json()
    .examples('npx slipway predict flights --data rows.json')
    .does(async (endpoint, options) => (await serving()).predict(endpoint, options))
  program
    .command('traffic')
    .description('send the rows of a file as traffic')
    .takes('<endpoint>', kinds.name)
    .needs('--from <file>', 'parquet, CSV or JSON', kinds.path)
    .offers('--rate <n>', 'requests a second, 200 by default', kinds.whole(1, 20_000))
    .offers('--fault <fault>', 'a drill: errors=<share>%@candidate', kinds.fault)
    .offers('--for <duration>', 'how long; until Ctrl-C by default', kinds.duration)
    .json()
    .examples('npx slipway traffic flights --from flights-june.parquet --rate 200 --fault errors=5%@candidate')
    .does(async (endpoint, options) => (await serving()).traffic(endpoint, options))
}

function rolloutCommands(rollout: Usage): void {
  rollout
    .command('status')
    .description('what it serves, and where its rollout stands')
    .takes('<endpoint>', kinds.name)
    .json()
    .does(async (endpoint, options) => (await rollingOut()).status(endpoint, options))
  for (const [verb, description] of [
    ['approve', 'approve the promotion that waits for it'],
    ['pause', 'take no further step until resumed (harm still rolls back)'],
    ['resume', 'go on'],
    ['promote', 'promote the candidate now, whatever the evidence'],
    ['rollback', 'end the rollout; the champion serves everything'],
  ] as const) {
    const command = rollout.command(verb).description(description).takes('<endpoint>', kinds.name)
    if (verb === 'approve')
      command.offers('--as <role>', 'the role you decide in, for the record; nobody checks it', kinds.words)
    command
      .offers('--reason <text>', 'why, for the record', kinds.words)
      .json()
      .does(async (endpoint, options) => (await rollingOut()).act(verb, endpoint, options))
  }
  rollout
    .command('simulate')
    .description('pretend many rollouts by the policy of a pipeline')
    .takes('<pipeline>', kinds.name)
    .offers('--runs <n>', 'how many, of each kind; 1000 by default', kinds.whole(1, 1_000_000))
    .offers('--traffic <rate>', 'requests: 200/s; 2000/min by default', kinds.rate)
    .offers('--base-error <share>', 'how often the champion fails; 0.5% by default', kinds.percent)
    .offers(
      '--base-label-errors <share>',
      'how often the champion is wrong, where the policy watches label errors; 20% by default',
      kinds.percent,
    )
    .offers(
      '--harm <factor>',
      'how many times more often the candidate fails, and is wrong; 2x by default',
      kinds.factor,
    )
    .json()
    .examples('npx slipway rollout simulate flights --traffic 20000/min --base-error 0.8% --harm 2x')
    .does(async (pipeline, options) => (await simulating()).simulate(pipeline, options))
}
