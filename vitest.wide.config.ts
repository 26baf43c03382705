// npm run test:wide: every kernel test in processes that V8 runs with 256-bit vectors, on the devices of every other run and on the
// wide kernels (kernels/testing/devices.ts).

import { defineConfig, mergeConfig } from 'vitest/config'
import { WIDE_FLAG } from './kernels/wasm/wide-flag.ts'
import base from './vitest.config.ts'

export default mergeConfig(base, defineConfig({ test: { include: ['kernels/**/*.test.ts'], execArgv: [WIDE_FLAG] } }))
