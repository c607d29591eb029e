import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packageRoot } from '../lib/code/host.ts'

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8')
const wordsOf = (file: string): string =>
  read(file)
    .replaceAll(/[`*|\\]/g, '')
    .replaceAll(/\s+/g, ' ')

/* Sizes, pauses and defaults that the documentation names, with the line of code that they are in. */
it.each([
  ['docs/batch.md', '262,144 rows or more', 'lib/formats/shards.ts', 'shardRows = 262_144'],
  ['docs/batch.md', 'new one every 3,000 shards', 'workflows/score-batch.ts', 'shardsAHistory = 3_000'],
  ['docs/batch.md', 'maxBadRows quarantine, 0.01', 'lib/definition/batch.ts', 'options.maxBadRows ?? 0.01'],
  ['docs/batch.md', 'catchup, overlap 1d, wait', 'lib/definition/batch.ts', "options.catchup ?? '1d'"],
  ['docs/batch.md', 'catchup, overlap 1d, wait', 'lib/definition/batch.ts', "options.overlap ?? 'wait'"],
  [
    'docs/cli.md',
    '127.0.0.1 and 8080 by default',
    'workers/gateway-main.ts',
    "numberIn(env, 'SLIPWAY_GATEWAY_PORT', 8080)",
  ],
  [
    'docs/cli.md',
    '16 MiB and 10,000 by default',
    'workers/server-settings.ts',
    "'SLIPWAY_BODY_LIMIT', 16 * 1024 * 1024",
  ],
  ['docs/cli.md', '16 MiB and 10,000 by default', 'workers/server-settings.ts', "'SLIPWAY_REQUEST_TIMEOUT_MS', 10_000"],
  ['docs/cli.md', '8 MiB by default', 'workers/server-settings.ts', "'SLIPWAY_TEXT_LIMIT', 8 * 1024 * 1024"],
  ['docs/cli.md', 'not ready, 5,000 by default', 'workers/server-settings.ts', 'usualDrainMs = 5_000'],
  ['docs/cli.md', 'new endpoints, 2,000 by default', 'workers/gateway-main.ts', "'SLIPWAY_WINDOW_MS', 2_000"],
  ['docs/cli.md', 'rows are kept, 0.01 by default', 'workers/gateway-main.ts', "'SLIPWAY_CAPTURE_RATE', 0.01"],
  ['docs/cli.md', 'by model digest; 0 by default', 'workers/server-settings.ts', "'SLIPWAY_CACHE_ENTRIES', 0"],
  ['docs/cli.md', 'the bucket, slipway by default', 'workers/settings.ts', "env.SLIPWAY_BUCKET ?? 'slipway'"],
  ['docs/cli.md', '.slipway/cache by default', 'workers/settings.ts', "join(settings.root, '.slipway', 'cache')"],
  ['docs/cli.md', 'first 256 rows of parquet', 'lib/data/head.ts', 'headRows = 256'],
  ['docs/cli.md', 'first megabyte of CSV and JSON', 'lib/data/head.ts', 'headBytes = 1 << 20'],
  ['docs/cli.md', 'Up to 64 of these rows', 'lib/jobs/rehearse.ts', 'triedRows = 64'],
  ['docs/cli.md', 'given up after 30 s', 'client/rehearsal.ts', 'patienceMs = 30_000'],
  ['docs/cli.md', 'for a minute an outage', 'lib/formats/patience.ts', 'away: 60_000'],
  ['docs/cli.md', 'after a second and a half', 'lib/formats/patience.ts', 'told: 1_500'],
  ['docs/cli.md', 'given up after five seconds', 'lib/formats/patience.ts', 'unknown: 5_000'],
  ['docs/store.md', 'for 30 s where the same kind', 'lib/formats/patience.ts', 'denied: 30_000'],
  ['docs/store.md', 'for 3 s otherwise', 'lib/formats/patience.ts', 'neverAllowed: 3_000'],
  ['docs/store.md', 'read three times in all', 'lib/store/objects.ts', 'reads = 3'],
  ['docs/definition.md', 'to parity, 1e-5', 'lib/definition/verbs/model.ts', 'parity = 1e-5'],
  ['docs/definition.md', 'the 254 most frequent', 'lib/learners/linear/learner.ts', 'mostOfText = 254'],
  ['docs/definition.md', 'have more than 2,000', 'lib/learners/linear/learner.ts', 'mostOfTexts = 2_000'],
  ['docs/definition.md', 'More than 5,000 weights', 'lib/learners/linear/learner.ts', 'mostWeights = 5_000'],
  ['docs/definition.md', 'at most 100,000 training', 'lib/learners/linear-baseline.ts', 'mostRows = 100_000'],
  ['docs/definition.md', '400 values of texts', 'lib/learners/linear-baseline.ts', 'mostValues = 400'],
  ['docs/definition.md', 'more than 500 features', 'lib/learners/linear-baseline.ts', 'mostFeatures = 500'],
  ['docs/definition.md', 'by fifty rows', 'lib/stats/crosses.ts', 'smoothing = 50'],
  ['docs/definition.md', 'the other four fifths', 'lib/stats/crosses.ts', 'folds = 5'],
  [
    'docs/definition.md',
    'at least 200 rows (and 20 of',
    'lib/stats/gates.ts',
    '{ rows: 200, ofEachClass: 20, groups: 20 }',
  ],
  ['docs/definition.md', 'blocks of 300 single-row', 'lib/stats/latency.ts', 'blockPredictions = 300'],
  ['docs/definition.md', 'predictions, five at most', 'lib/stats/latency.ts', 'maxBlocks = 5'],
  ['docs/deploy.md', 'the store 5 s 30 s 5 minutes', 'lib/formats/patience.ts', 'connecting: 5_000'],
  ['docs/deploy.md', 'the store 5 s 30 s 5 minutes', 'lib/formats/patience.ts', 'silent: 30_000'],
  ['docs/deploy.md', 'the store 5 s 30 s 5 minutes', 'lib/formats/patience.ts', 'whole: 300_000'],
  ['docs/deploy.md', 'a second more for each 64 KiB', 'lib/store/long-calls.ts', 'slowest = 64 * 1024'],
  ['docs/deploy.md', 'Temporal 5 s 30 s 30 s a call, 70 s one', 'lib/formats/patience.ts', 'temporal: 30_000'],
  ['docs/deploy.md', 'Temporal 5 s 30 s 30 s a call, 70 s one', 'lib/formats/patience.ts', 'news: 70_000'],
  ['docs/deploy.md', 'given up after twelve tries', 'activities/step.ts', 'memoryPatience = 12'],
  ['docs/deploy.md', 'gone after twelve seconds', 'lib/store/routes.ts', 'silenceMs = 12_000'],
  ['docs/compiled-models.md', 'rows of a chunk (512)', 'lib/compiler/layout.ts', 'chunkRows = 512'],
  ['docs/compiled-models.md', 'more than 1,024 leaves', 'lib/compiler/layout.ts', 'mostLeaves = 1024'],
  ['docs/compiled-models.md', 'more than 64 MB of tables', 'lib/compiler/layout.ts', 'mostTableBytes = 64 * 2 ** 20'],
  ['docs/compiled-models.md', '200,000 masks', 'lib/compiler/layout.ts', 'mostLoads = 200_000'],
  ['docs/compiled-models.md', '64 golden rows', 'lib/models/compare-engines.ts', 'goldenRows = 64'],
  ['docs/compiled-models.md', 'Up to four threads', 'lib/jobs/steps/proven-trees.ts', 'mostParts = 4'],
  ['docs/compiled-models.md', 'draws 800 graphs', 'test/compiler/graphs.test.ts', 'seed <= 800'],
  ['docs/monitoring.md', 'more than an hour apart', 'activities/monitor-schedules.ts', 'gatherEveryMs = 3_600_000'],
  ['docs/monitoring.md', 'minRows rows (500)', 'lib/definition/monitor.ts', 'options.minRows ?? 500'],
  ['docs/monitoring.md', 'less than a tenth', 'lib/definition/monitor.ts', 'options.importance ?? 0.1'],
  ['docs/monitoring.md', 'falseAlarms (0.01)', 'lib/definition/monitor.ts', 'options.falseAlarms ?? 0.01'],
  ['docs/monitoring.md', 'median of the ten before', 'lib/stats/monitor.ts', 'rowsBefore.slice(-10)'],
  ['docs/monitoring.md', 'Fewer than 200 of them', 'lib/definition/monitor.ts', 'options.minLabels ?? 200'],
  ['docs/monitoring.md', 'waits an hour for it', 'lib/jobs/examine.ts', 'labelPatience = 3_600_000'],
  ['docs/monitoring.md', 'pretends 200 checks', 'client/calibrate.ts', 'runs = 200'],
  ['docs/rollouts.md', 'odds 1000 to 1', 'lib/stats/rollout-decision.ts', 'mismatchLimit = Math.log(1000)'],
  ['docs/rollouts.md', 'four times a second', 'gateway/gateway.ts', 'routeMs = 250'],
  ['docs/rollouts.md', 'within half a minute', 'workflows/options.ts', "reconcileEvery = '30s'"],
  ['docs/rollouts.md', 'After three judgements', 'workflows/judging.ts', 'judgements = 3'],
  ['docs/rollouts.md', 'offBy (0.5', 'lib/definition/deploy.ts', 'offBy = 0.5'],
  ['docs/serving.md', '20 names at most', 'lib/models/names.ts', 'mostNames = 20'],
  ['docs/serving.md', 'answers above 1 kB', 'gateway/compression.ts', 'worthIt = 1_024'],
  [
    'docs/serving.md',
    '1,024 rows with a compiled model, 128',
    'gateway/ask-version.ts',
    '{ onnxruntime: 128, compiled: 1024 }',
  ],
  ['docs/serving.md', 'hangs for ten seconds', 'gateway/scorer-host.ts', 'patienceMs = 10_000'],
  ['docs/serving.md', '8 kB at most', 'gateway/answer-cache.ts', 'largestBody = 8_192'],
  ['docs/serving.md', '5,000 windows at most', 'gateway/outbox.ts', 'mostKept = 5_000'],
  ['docs/serving.md', 'Every two seconds', 'workers/gateway-main.ts', "'SLIPWAY_WINDOW_MS', 2_000"],
])('%s: "%s" is what %s says', (document, words, file, code) => {
  expect(wordsOf(document)).toContain(words)
  expect(read(file)).toContain(code)
})
