import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{kernels,ts,bench,testing,scripts}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'build/**', 'dist/**'],
    // one process per file: Dawn and the thread pools belong to their process
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 60_000,
    reporters: ['default', './scripts/plain-reporter.ts'],
  },
})
