import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{kernels,ts,bench,testing,scripts}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'build/**', 'dist/**'],
    // tests start the command line some hundred times: what Node has compiled once it need not compile again
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
    // one process per file: Dawn and the thread pools belong to their process
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 60_000,
    reporters: ['default', './scripts/plain-reporter.ts'],
  },
})
