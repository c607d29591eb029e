import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { measureBatch } from './batch.ts'
import { measureDrift } from './drift.ts'
import { measureJoin } from './join.ts'
import { type Figure, isKept } from './measure.ts'
import { measureOverhead } from './overhead.ts'
import { measurePostgres } from './postgres.ts'
import { measureRerun } from './rerun.ts'
import { measureRollback } from './rollback.ts'
import { measureServing } from './serving.ts'
import { measureTraining } from './training.ts'
import { measureTrees } from './trees.ts'
import { measureValidation } from './validation.ts'
import { measureWide } from './wide.ts'

/*
 * Measures the ratios that Slipway promises, both sides in one run, prints them as a table and writes docs/benchmarks.md.
 * Exits with 1 when a limit is not kept.
 */
const load = (loadavg()[0] as number).toFixed(2)
console.log(`${availableParallelism()} cores, ${cpus()[0]?.model ?? ''}, Node ${process.version}, load ${load}`)
const boundOf = ({ bound, limit }: Figure): string => `${bound === 'at least' ? '≥' : '≤'} ${limit}`
const figures: Figure[] = []
for (const measure of [
  measureServing,
  measureRollback,
  measureBatch,
  measureTrees,
  measureTraining,
  measureDrift,
  measureOverhead,
  measureValidation,
  measurePostgres,
  measureWide,
  measureJoin,
  measureRerun,
]) {
  for (const figure of [await measure()].flat()) {
    figures.push(figure)
    console.log(`${figure.what}: ${figure.ours} / ${figure.theirs} = ${figure.ratio.toFixed(2)} (${boundOf(figure)})`)
  }
}
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
if (!figures.every(isKept)) process.exitCode = 1
