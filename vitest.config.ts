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
          exclude: ['test/integration/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      // Real servers and real processes: three files at a time, for much of it is waiting; and before the others, for they take long.
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
          testTimeout: 240_000,
        },
      },
    ],
  },
})
