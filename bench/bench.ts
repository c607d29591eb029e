import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { measureBatch } from './batch.ts'
import { measureBranches } from './branches.ts'
import { measureDrift } from './drift.ts'
import { measureExplain } from './explain.ts'
import { measureFirstHour } from './first-hour.ts'
import { measureGrpc } from './grpc.ts'
import { measureInstall } from './install.ts'
import { measureJoin } from './join.ts'
import { type Figure, isKept } from './measure.ts'
import { measureMulticlass } from './multiclass.ts'
import { measureOverhead } from './overhead.ts'
import { measurePostgres } from './postgres.ts'
import { measureProgram } from './program.ts'
import { measureRerun } from './rerun.ts'
import { measureRollback } from './rollback.ts'
import { measureServing } from './serving.ts'
import { measureSnapshot } from './snapshot.ts'
import { measureStarts } from './starts.ts'
import { measureTraining } from './training.ts'
import { measureTrees } from './trees.ts'
import { measureTuning } from './tuning.ts'
import { measureTuningWorkers } from './tuning-workers.ts'
import { measureValidation } from './validation.ts'
import { measureWide } from './wide.ts'

/*
 * Measures the ratios that Slipway promises, both sides in one run, prints them and writes docs/benchmarks.md: `npm run
 * bench`. With names of measures (`npm run bench overhead join`) only these, and nothing is written. Exits with 1 when
 * a limit is not kept.
 */
const load = (loadavg()[0] as number).toFixed(2)
console.log(`${availableParallelism()} cores, ${cpus()[0]?.model ?? ''}, Node ${process.version}, load ${load}`)
const boundOf = ({ bound, limit }: Figure): string => `${bound === 'at least' ? '≥' : '≤'} ${limit}`
const measures: Record<string, () => Promise<Figure | readonly Figure[]>> = {
  serving: measureServing,
  grpc: measureGrpc,
  rollback: measureRollback,
  batch: measureBatch,
  trees: measureTrees,
  training: measureTraining,
  multiclass: measureMulticlass,
  tuning: measureTuning,
  'tuning-workers': measureTuningWorkers,
  program: measureProgram,
  explain: measureExplain,
  drift: measureDrift,
  overhead: measureOverhead,
  branches: measureBranches,
  validation: measureValidation,
  snapshot: measureSnapshot,
  postgres: measurePostgres,
  wide: measureWide,
  join: measureJoin,
  rerun: measureRerun,
  starts: measureStarts,
  install: measureInstall,
  'first-hour': measureFirstHour,
}
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in measures))
if (unknown.length > 0)
  throw new Error(`no such bench: ${unknown.join(', ')}; there are ${Object.keys(measures).join(', ')}`)

const figures: Figure[] = []
for (const [name, measure] of Object.entries(measures)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  for (const figure of [await measure()].flat()) {
    figures.push(figure)
    console.log(`${figure.what}: ${figure.ours} / ${figure.theirs} = ${figure.ratio.toFixed(2)} (${boundOf(figure)})`)
  }
}
if (asked.length === 0) writePage()
if (!figures.every(isKept)) process.exitCode = 1

function writePage(): void {
  const rows = figures.map(
    (figure) =>
      `| ${figure.what} | ${figure.ours} | ${figure.theirs} | **${figure.ratio.toFixed(2)}**${isKept(figure) ? '' : ' (missed)'} | ${boundOf(figure)} |`,
  )
  writeFileSync(
    join(packageRoot, 'docs/benchmarks.md'),
    `# Benchmarks

Written by \`npm run bench\`. Ratios, measured side by side in one run, medians of interleaved rounds: the machine's own speed and noise meet
both sides alike. Absolute times are of the machine below and mean little elsewhere.

${availableParallelism()} cores, Node ${process.version}, load average ${load} at the start.

| what | ours | theirs | ratio | limit |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`,
  )
}
