import { defineConfig } from 'vitest/config'
import LongestFirst from './test/support/longest-first.ts'

/**
 * Time enough for a machine whose cores are busy with something else: no test is about time, a limit only ends what
 * hangs.
 */
const patient = {
  testTimeout: 900_000,
  hookTimeout: 900_000,
  // Commands of tests are not those of the job that runs the tests: what they tell GitHub is no news of it.
  env: { GITHUB_ACTIONS: '', GITHUB_STEP_SUMMARY: '' },
}
/** Real servers and processes wait much of the time: one more file at a time than there are cores. */
const shared = { ...patient, globalSetup: ['test/support/global-setup.ts'], maxWorkers: 3 }

/** `slipway` is these sources, not what is built of them. */
const ssr = { resolve: { conditions: ['slipway-source', 'node', 'development|production'] } }

export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        ssr,
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/attacks/**', 'test/kinds/**', 'test/hosted/**', 'test/peers/**'],
        },
      },
      // Real servers and real processes, those of the platform itself; and attacks on them.
      {
        ssr,
        test: {
          ...shared,
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/attacks/**/*.test.ts'],
        },
      },
      // Whole lives of further kinds of models, and of what else is made of one: `npm run test:kinds`.
      { ssr, test: { ...shared, name: 'kinds', include: ['test/kinds/**/*.test.ts'] } },
      // Lives on SageMaker, with our own processes and a fake of it: `npm run test:hosted`.
      { ssr, test: { ...shared, name: 'hosted', include: ['test/hosted/**/*.test.ts'] } },
      // Against other systems, each in an environment of its own that is installed once: `npm run test:peers`.
      {
        ssr,
        test: {
          ...shared,
          name: 'peers',
          include: ['test/peers/**/*.test.ts'],
          maxWorkers: 1,
        },
      },
    ],
  },
})
