import { auc, logLoss, rmse } from '../lib/definition/index.ts'
import { agreements, failuresOfEquals } from '../lib/stats/equal-candidates.ts'

/*
 * The table of docs/definition.md: how often the default gate fails a candidate that is as good as the champion.
 * node scripts/run.mjs scripts/equal-candidates.ts [repetitions, 400; on 10,000 rows a quarter of them, of auc a tenth]
 */
const repetitions = Number(process.argv[2] ?? 400)
console.log(`| metric | rows | ${agreements.join(' | ')} |`)
console.log('| --- | ---: | ---: | ---: | ---: |')
for (const [metric, task] of [
  [auc, 'binary'],
  [logLoss, 'binary'],
  [rmse, 'regression'],
] as const) {
  const { check } = metric.notWorseThan('champion', { byShare: 0.01, confidence: 0.9 })
  for (const rows of [300, 1_000, 10_000]) {
    const drawn = rows < 10_000 ? repetitions : Math.ceil(repetitions / (metric === auc ? 10 : 4))
    const shares = agreements.map(
      (agreement) => failuresOfEquals({ check, task, rows, agreement, repetitions: drawn, seed: 1 }) / drawn,
    )
    console.log(
      `| \`${check.metric}\` | ${rows} | ${shares.map((share) => `${Math.round(share * 100)} %`).join(' | ')} |`,
    )
  }
}
