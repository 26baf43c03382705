// Every family and head against PyTorch: the same ids, every output, on the float64 reference and on both backends.
import { describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { ALL_DEVICES } from '../../kernels/testing/devices.ts'
import { deviceOf } from '../../kernels/testing/suite.ts'
import { buildProgram, type ModelOutput } from '../../ts/model/bert.ts'
import { loadModel } from '../../ts/model/load.ts'
import { batchOf, distance, FIXTURES, outputsOf, REFUSED } from './fixtures.ts'

/** What issue 16 allows between f32 and PyTorch. */
const TOLERANCE = 1e-4
/** Between float64 of the same numbers, which files hold with 9 digits. */
const REFERENCE_TOLERANCE = 1e-6

const isPerToken = (output: ModelOutput): boolean => output === 'hidden' || output === 'token-logits'

describe.each(FIXTURES)('$name', ({ name, folder, expected }) => {
  const { inputs } = expected
  const batch = batchOf(inputs)

  it('is read as PyTorch reads it: the float64 reference', async () => {
    const { weights } = await loadModel(folder)
    for (const [output, known] of outputsOf(expected, weights)) {
      const program = buildProgram(weights, output, { normalize: false })
      const { largest, count } = distance(runReference(program, batch), inputs, known, isPerToken(output))
      expect(count, `${name} ${output}: numbers of PyTorch`).toBeGreaterThan(0)
      expect(largest, `${name} ${output}`).toBeLessThan(REFERENCE_TOLERANCE)
    }
  })

  it.each(ALL_DEVICES)('gives what PyTorch gives, on $name', async (device) => {
    const { weights } = await loadModel(folder)
    const made = await deviceOf(device)
    for (const [output, known] of outputsOf(expected, weights)) {
      const session = await made.load(buildProgram(weights, output, { normalize: false }))
      const found = await session.run(batch)
      session.dispose()
      expect(distance(found, inputs, known, isPerToken(output)).largest, `${name} ${output}`).toBeLessThan(TOLERANCE)
    }
  })
})

describe.each(REFUSED)('$name', ({ folder, words }) => {
  it('is refused by name', async () => {
    const message = await loadModel(folder).then(
      () => 'it was opened',
      (error: Error) => error.message,
    )
    for (const word of words) expect(message).toContain(word)
    expect(message).toMatch(/config\.json: .*(not computed here|computed here)/)
  })
})
