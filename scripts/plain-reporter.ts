// Closes a test run with one plain line, `N passed, N failed`, for whoever reads logs.

import type { Reporter, TestModule } from 'vitest/node'

export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0
    let failed = errors.length
    for (const module of modules) {
      // a file that does not load has no tests, yet it failed
      if (module.state() === 'failed' && module.errors().length > 0) failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else failed++ // nothing is skipped silently: a skip counts as a failure here
      }
    }
    console.log(`\n${passed} passed, ${failed} failed`)
  }
}
