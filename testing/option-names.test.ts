// Options with a name that no public call knows are refused by name, not left alone in silence.

import { expect, it } from 'vitest'
import { applyRecipe } from '../ts/compress.ts'
import { evaluateClassifier, evaluateMultiLabel, evaluateRegression } from '../ts/evaluation.ts'
import { loadModel } from '../ts/index.ts'
import { runStudy } from '../ts/study.ts'
import { syntheticModel } from './models.ts'

const rows = { source: 'rows', rows: [], labels: [], notes: [] } as never
const CALLS: Record<string, (options: never) => Promise<unknown>> = {
  loadModel: (options) => loadModel('preset:tiny', options),
  applyRecipe: (options) => applyRecipe(syntheticModel('f32'), 'q8', options),
  evaluateClassifier: (options) => evaluateClassifier('./none', rows, options),
  evaluateMultiLabel: (options) => evaluateMultiLabel('./none', rows, options),
  evaluateRegression: (options) => evaluateRegression('./none', rows, options),
  runStudy: (options) => runStudy(options),
}

for (const [name, call] of Object.entries(CALLS))
  it(`${name} names an option that it does not know, and what it knows`, async () => {
    const asked = call({ seed: 1, sead: 2 } as never)
    await expect(asked).rejects.toThrow(TypeError)
    await expect(asked).rejects.toThrow(new RegExp(`^${name}: option 'sead' is not known; expected .*seed`))
  })
