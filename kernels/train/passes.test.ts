// What a session gives beside gradients: hidden states, and statistics of what enters each layer.

import { describe, expect, it } from 'vitest'
import { assertWithin } from '../testing/compare.ts'
import { CHAINED, SHARED, syntheticBatch, syntheticGoal, syntheticParameters, UNEVEN } from '../testing/train-models.ts'
import { BUILDS, largest, openSession } from '../testing/train-sessions.ts'
import { layoutOf } from './layout.ts'
import { referenceStep } from './reference.ts'

describe.each(BUILDS)('hidden states on $name', (build) => {
  it('are those of the reference, in the order asked for, of a model that is only run too', async () => {
    const layout = layoutOf(UNEVEN)
    const parameters = syntheticParameters(layout, 1)
    const batch = syntheticBatch(UNEVEN, [5, 1, 13], 2)
    const goal = syntheticGoal(3, 3, 3, false)
    const { states } = referenceStep(layout, parameters, batch, goal)
    const session = await openSession(layout, parameters, { ...build, isForwardOnly: true })
    try {
      const found = await session.hiddenStates(batch, [2, 0, 1])
      for (const [i, layer] of [2, 0, 1].entries())
        assertWithin(found[i], states[layer], 1e-5 * largest(states[layer]), `${build.name}: state ${layer}`)
      await expect(session.hiddenStates(batch, [3])).rejects.toThrow('no hidden state 3; there are 0 (embeddings) to 2')
      await expect(session.step(batch, goal, null, null)).rejects.toThrow('forward only')
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })
})

describe.each(BUILDS)('input statistics on $name', (build) => {
  it.each([
    ['dense', UNEVEN],
    ['chains', CHAINED],
    ['shared layers, narrow tables', SHARED],
  ])('are the sums over the rows that each layer sees: %s', async (_, shape) => {
    const layout = layoutOf(shape)
    const parameters = syntheticParameters(layout, 1)
    const session = await openSession(layout, parameters, build)
    try {
      const lengths = [5, 1, 13, 8]
      const batch = syntheticBatch(UNEVEN, lengths, 2)
      const found = await session.inputStatistics(batch)
      expect([...found.keys()]).toEqual([
        ...(shape.embedding ? ['projection'] : []),
        ...[0, 1].flatMap((i) => ['qkv', 'attention', 'intermediate', 'output'].map((part) => `layer.${i}.${part}`)),
        'pooler',
        'classifier',
      ])
      const { inputs } = referenceStep(layout, parameters, batch, syntheticGoal(3, 4, 3, false), null)
      for (const [tensor, { rows, K, gram, sum, largest: most }] of found) {
        const x = inputs.get(tensor)!
        expect([rows * K, tensor]).toEqual([x.length, tensor])
        const [expectedGram, expectedSum, scale] = [new Float64Array(K * K), new Float64Array(K), largest(x)]
        const expectedMost = new Float64Array(K)
        for (let r = 0; r < rows; r++)
          for (let k = 0; k < K; k++) {
            expectedSum[k] += x[r * K + k]
            expectedMost[k] = Math.max(expectedMost[k], Math.abs(x[r * K + k]))
            for (let j = 0; j < K; j++) expectedGram[k * K + j] += x[r * K + k] * x[r * K + j]
          }
        // as for the gradients above: the inputs carry the rounding of the layers below them
        assertWithin(gram, expectedGram, 1e-5 * largest(expectedGram), `${build.name}: ${tensor} gram`)
        assertWithin(sum, expectedSum, 1e-5 * rows * scale, `${build.name}: ${tensor} sum`)
        assertWithin(most, expectedMost, 1e-5 * scale, `${build.name}: ${tensor} largest`)
      }
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })
})
