// NaN, infinities and the ends of f32 in the kernels: what is not finite does not become finite, and the table of
// docs/trust.md says what each gives. UPDATE_VALUES=1 runs every kernel on every device and writes that table; else WebGPU
// runs those of its shaders that bound or normalise, since a software GPU compiles each for half a second.

import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ALL_DEVICES, GPU_DEVICES, WASM_DEVICES } from './testing/devices.ts'
import { KERNELS, outcomesOn, referenceOutcomes, VALUES, valuesTable, type Outcomes } from './testing/special-values.ts'
import { deviceOf } from './testing/suite.ts'

const PAGE = new URL('../docs/trust.md', import.meta.url)
const TABLE = /(<!-- values -->\n)[^]*?(<!-- \/values -->)/
const isWhole = Boolean(process.env.UPDATE_VALUES)
const ON_GPU = isWhole ? Object.keys(KERNELS) : ['f32, gelu', 'attention', 'mean, normalised']
const expected = referenceOutcomes()
const found: Record<string, Outcomes> = {}

describe.each(isWhole ? ALL_DEVICES : [...WASM_DEVICES, GPU_DEVICES[0]])('what is not finite on $name', (device) => {
  it('stays so, and what is finite and cannot overflow too', async () => {
    const kernels = device.name.startsWith('wasm') ? Object.keys(KERNELS) : ON_GPU
    const outcomes = (found[device.name] = await outcomesOn(await deviceOf(device), kernels))
    const wrong: string[] = []
    for (const kernel of kernels)
      Object.keys(VALUES).forEach((value, i) => {
        const [is, shall] = [outcomes[kernel][i], expected[kernel][i]]
        // of the largest f32 the reference's float64 does not overflow
        const isWrong = shall.isFinite.some((right, at) => is.isFinite[at] !== right)
        if (isWrong && value !== 'largest f32') wrong.push(`${value} in ${kernel}: ${is.words}, not ${shall.words}`)
      })
    expect(wrong).toEqual([])
  })
})

it('the table of docs/trust.md is what came', async () => {
  const of = (devices: readonly { name: string }[]): Outcomes => {
    const [first, ...others] = devices.filter(({ name }) => found[name]).map(({ name }) => found[name])
    for (const other of others) expect(other).toEqual(first)
    return first
  }
  const backends = { wasm: of(WASM_DEVICES), WebGPU: of(GPU_DEVICES) }
  const page = await readFile(PAGE, 'utf8')
  const table = valuesTable(backends, ON_GPU)
  if (isWhole)
    await writeFile(
      PAGE,
      page.replace(TABLE, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`),
    )
  // prettier pads the cells
  const lines = (text: string): string[] =>
    text.split('\n').map((line) => line.replace(/ *\| */g, '|').replace(/-+/g, '-'))
  expect(lines(isWhole ? await readFile(PAGE, 'utf8') : page)).toEqual(expect.arrayContaining(lines(table)))
})
