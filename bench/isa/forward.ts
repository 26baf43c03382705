// CPU time of one forward's commands on a GPU that is not there: Dawn, its Vulkan backend and the driver's recording run as
// always, and nothing is executed, so that neither results nor wall times mean anything. main.ts runs it inside the root.
//   node forward.ts RECIPE LAYERS FORWARDS

import { create, globals } from 'webgpu'
import type { Batch } from '../../kernels/program/program.ts'
import { compileProgram } from '../../kernels/webgpu/compile.ts'
import { GpuContext } from '../../kernels/webgpu/context.ts'
import { ProgramSession } from '../../kernels/webgpu/session.ts'
import { Uploader } from '../../kernels/webgpu/upload.ts'
import { readProgram } from '../../kernels/program/stored-weights.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { PRESETS } from '../../ts/model/config.ts'
import { randomModel } from '../../ts/model/preset.ts'
import { configOfPreset } from '../../ts/model/shape.ts'
import { applyRecipe } from '../../ts/recipe/apply.ts'

Object.assign(globalThis, globals)
const [, , recipe, layers, forwards] = process.argv
const gpu = create([
  'enable-dawn-features=allow_unsafe_apis',
  'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension,timestamp_quantization',
]) as unknown as GPU
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
if (!adapter) throw new Error('no adapter')
const { maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize, maxBufferSize } = adapter.limits
const device = await adapter.requestDevice({
  requiredLimits: { maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize, maxBufferSize },
})
// a small vocabulary: its table is read by one dispatch, whatever its size
const config = configOfPreset({ ...PRESETS['bert-base'], vocabSize: 1000, layers: Number(layers) })
let model = randomModel(config)
if (recipe !== 'f32') model = (await applyRecipe(model, recipe, { seed: 1 })).model
// no canary and no self-test: this device computes nothing
const context = new GpuContext(device, true, { kernels: 'tiled' })
const uploader = new Uploader(device, context.maxBindingBytes)
const compiled = await compileProgram(await readProgram(buildProgram(model, 'logits')), uploader, context)
const calls = compiled.calls.map((call) => ({ ...call, variants: context.variants(call) }))
const session = await ProgramSession.create(context, { ...compiled, calls }, uploader, {})

for (const [B, T] of [
  [1, 16],
  [1, 128],
]) {
  const batch: Batch = {
    ids: Int32Array.from({ length: B * T }, (_, i) => i % 900),
    offsets: Int32Array.from({ length: B + 1 }, (_, i) => i * T),
    types: new Int32Array(B * T),
  }
  for (let i = 0; i < 50; i++) await session.run(batch)
  const rounds = Array.from({ length: 5 }, () => 0)
  for (const round of rounds.keys()) {
    const before = process.threadCpuUsage()
    for (let i = 0; i < Number(forwards); i++) await session.run(batch)
    const { user, system } = process.threadCpuUsage(before)
    rounds[round] = (user + system) / Number(forwards)
  }
  const least = Math.min(...rounds)
  const { calls: dispatches } = session.stats()
  console.log(
    `${recipe} ${layers} layers (${B},${T}): ${dispatches} dispatches, main thread ${least.toFixed(0)} us a forward, ${(least / dispatches).toFixed(2)} us a dispatch (least of 5)`,
  )
}
process.exit(0)
