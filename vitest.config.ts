import { defineConfig } from 'vitest/config'

const shared = { globalSetup: ['test/support/global-setup.ts'], testTimeout: 60_000, hookTimeout: 180_000 }

export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/peers/**'],
          maxWorkers: 2,
        },
      },
      // Real servers and real processes: two files at a time, for much of it is waiting.
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          maxWorkers: 2,
          testTimeout: 240_000,
        },
      },
      // Against other systems, each in an environment of its own that is installed once: `npm run test:peers`.
      {
        test: {
          name: 'peers',
          include: ['test/peers/**/*.test.ts'],
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
})
