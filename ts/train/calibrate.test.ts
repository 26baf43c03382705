import { expect, it } from 'vitest'
import { initializeModel, calibrate } from '../train.ts'
import { linearLayers } from '../model/weights.ts'
import { TOY } from '../../testing/toy-task.ts'

const SEQUENCES = [5, 9, 2, 16, 7].map((length) => Int32Array.from({ length }, (_, i) => (i * 7 + length) % 50))

it('adds up the inputs of every linear layer; batches and threads change nothing beyond rounding', async () => {
  const model = initializeModel(TOY, 1)
  const whole = await calibrate(model, SEQUENCES, { threads: 1 })
  const parts = await calibrate(model, SEQUENCES, { threads: 2, batch: 2 })
  const tokens = SEQUENCES.reduce((sum, { length }) => sum + length, 0)
  expect([...whole.keys()]).toEqual([...linearLayers(model)].map(({ stem }) => stem))
  for (const { stem, role, linear } of linearLayers(model)) {
    const { K, rows, gram, sum, largest } = whole.get(stem)!
    expect([K, rows]).toEqual([linear.weight.K, role === 'pooler' || role === 'classifier' ? SEQUENCES.length : tokens])
    const other = parts.get(stem)!
    const most = Math.max(...gram.map(Math.abs))
    expect(Math.max(...gram.map((x, i) => Math.abs(x - other.gram[i])))).toBeLessThan(1e-5 * most)
    for (let k = 0; k < K; k++) {
      // a sum of squares is at least the square of the mean times the rows, and at most the largest square times the rows
      expect(gram[k * K + k]).toBeGreaterThanOrEqual((sum[k] ** 2 / rows) * (1 - 1e-5))
      expect(gram[k * K + k]).toBeLessThanOrEqual(rows * largest[k] ** 2 * (1 + 1e-5))
    }
  }
  expect(whole.get('bert.encoder.layer.0.attention.self.key')).toBe(
    whole.get('bert.encoder.layer.0.attention.self.query'),
  )
})

it('refuses no texts', async () => {
  await expect(calibrate(initializeModel(TOY, 1), [])).rejects.toThrow('there are no texts')
})
