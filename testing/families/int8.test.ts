// int8 of every family, op by op: what a device gives in each op is within the op's derived bound of the float64 reference of
// the same quantized model, from what the device itself gave in the ops before. A bound of the whole model would say
// little: an integer beside a tie may round the other way, and every layer makes that difference larger.
import { expect, it } from 'vitest'
import { referenceOfEachOp } from '../../kernels/reference.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { GPU_DEVICES, WASM_DEVICES, type TestDevice } from '../../kernels/testing/devices.ts'
import { deviceOf } from '../../kernels/testing/suite.ts'
import type { Batch, Program } from '../../kernels/program/program.ts'
import { buildProgram, type ModelOutput } from '../../ts/model/bert.ts'
import { loadModel } from '../../ts/model/load.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'
import { applyRecipe } from '../../ts/recipe/apply.ts'
import { batchOf, FIXTURES } from './fixtures.ts'

const mainOutput = ({ classifier, config }: ModelWeights): ModelOutput => {
  if (!classifier) return 'hidden'
  return config.task === 'token-classification' ? 'token-logits' : 'logits'
}

/** What a device gives in each op: the program up to there, run by itself; the last one is the whole program. */
async function outputsOf(device: TestDevice, program: Program, batch: Batch): Promise<Float32Array[]> {
  const made = await deviceOf(device)
  const outputs: Float32Array[] = []
  for (const [i, { output }] of program.ops.entries()) {
    const session = await made.load({ ...program, ops: program.ops.slice(0, i + 1), output })
    outputs.push(await session.run(batch))
    session.dispose()
  }
  return outputs
}

async function compare(device: TestDevice, name: string, recipe: string): Promise<void> {
  const { folder, expected } = FIXTURES.find((fixture) => fixture.name === name)!
  const { model } = await applyRecipe((await loadModel(folder)).weights, recipe, { seed: 1 })
  const program = buildProgram(model, mainOutput(model), { normalize: false })
  expect(program.ops.some((op) => op.kind === 'linear' && op.weight.kind === 'int8')).toBe(true)
  const batch = batchOf(expected.inputs)
  const outputs = await outputsOf(device, program, batch)
  const made = referenceOfEachOp(program, batch, outputs)
  made.forEach(({ values, bounds }, i) => {
    const op = program.ops[i]
    // rows that are copied may be those of another variant, which computes no others: both are within the bound of what made them
    const source = program.ops.findLastIndex((other, j) => j < i && 'input' in op && other.output === op.input)
    const own = op.kind === 'first-token' ? firstRows(made[source].bounds, batch).map((bound) => 2 * bound) : bounds
    assertWithin(outputs[i], values, own, `${name} ${recipe} on ${device.name}: op ${i}, ${op.kind}`)
  })
}

function firstRows(rows: Float64Array, { offsets }: Batch): Float64Array {
  const B = offsets.length - 1
  const width = rows.length / offsets[B]
  return Float64Array.from({ length: B * width }, (_, i) => rows[offsets[Math.floor(i / width)] * width + (i % width)])
}

it.each(FIXTURES)('$name in int8 on WebAssembly', ({ name }) => compare(WASM_DEVICES[0], name, 'q8+e8'))

it.each(['albert-groups', 'electra-classification'])('%s in int8 factors on WebAssembly', (name) =>
  compare(WASM_DEVICES[0], name, 'svd:0.5+q8+e8'),
)

/** A bias by distance, and layers that are applied several times after narrow tables. */
it.each(['mpnet-token', 'albert-groups'])('%s in int8 on WebGPU', (name) => compare(GPU_DEVICES[0], name, 'q8+e8'))
