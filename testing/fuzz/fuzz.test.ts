// A short form of each fuzzer with one seed; `npm run fuzz -- TARGET --cases N --seed S` is the long one.

import { expect, it } from 'vitest'
import { fuzzCalls } from './calls.ts'
import { fuzzCheckpoints } from './checkpoints.ts'
import { fuzzData } from './data.ts'
import { fuzzGpu } from './gpu.ts'
import { fuzzModels } from './models.ts'
import { Fault, isSentence, runCases } from './report.ts'

/** The direct kernels alone: a software GPU takes half a minute to compile and try out the tiled ones. */
const GPU_CASES = 60

it.each([
  { name: 'models', fuzz: fuzzModels, cases: 300 },
  { name: 'data', fuzz: fuzzData, cases: 1000 },
  { name: 'checkpoints', fuzz: fuzzCheckpoints, cases: 60 },
  { name: 'calls', fuzz: fuzzCalls, cases: 1000 },
])('$name: every case is taken and right, or refused in words', async ({ fuzz, cases }) => {
  const { faults, taken, refused } = await fuzz(cases, 1)
  expect(faults).toEqual([])
  expect(taken).toBeGreaterThan(cases / 100)
  expect(refused).toBeGreaterThan(cases / 10)
})

it('gpu: every case is right, and nothing is written outside its buffers', async () => {
  const { faults, taken } = await fuzzGpu(GPU_CASES, 1, undefined, ['direct'])
  expect(faults).toEqual([])
  expect(taken).toBe(GPU_CASES)
})

it('counts inner words of an engine, and what a fuzzer finds wrong, as faults', async () => {
  expect(isSentence(new TypeError("Cannot read properties of null (reading 'a')"))).toBe(false)
  expect(isSentence(new RangeError('Invalid typed array length: -1'))).toBe(false)
  expect(isSentence('a text that is no Error')).toBe(false)
  expect(isSentence(new Error('config.json: layers is -1, expected a whole number'))).toBe(true)
  const errors = [new Error('a sentence that says what was expected'), new Fault('a result that is not right'), null]
  const { taken, refused, faults } = await runCases(3, 9, (index) => {
    if (errors[index]) throw errors[index]
    return 'taken'
  })
  expect([taken, refused, faults]).toEqual([1, 1, ['seed 9, case 1: Error: a result that is not right']])
})
