// Runs inside the root that setup.sh makes, on a GPU that is not there: makes one compute pipeline for each shader of the
// list, with a line before and after, between which the driver prints its machine code. Uses nothing of the project, which
// is not in the root but for the package `webgpu`.
//   node make-pipelines.ts LIST.json [without-checks]

import { readFileSync, writeSync } from 'node:fs'
import { create, globals } from 'webgpu'

interface Listed {
  name: string
  code: string
  constants: Record<string, number>
}

Object.assign(globalThis, globals)
const [, , list, checks] = process.argv
// one stream in order: what drivers print goes there unbuffered
const say = (line: string): void => void writeSync(2, `${line}\n`)
const gpu = create([
  `enable-dawn-features=allow_unsafe_apis${checks === 'without-checks' ? ',disable_robustness' : ''}`,
  'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension,timestamp_quantization',
]) as unknown as GPU
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
if (!adapter) throw new Error('no adapter: the driver does not start on the shim; run `npm run isa -- setup` again')
const { limits, features, info } = adapter
const device = await adapter.requestDevice({
  requiredFeatures: [...features].filter((feature) => /f16|subgroup/.test(feature)) as GPUFeatureName[],
  requiredLimits: {
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
  },
})
say(`=====ADAPTER ${info.description}`)
for (const { name, code, constants } of JSON.parse(readFileSync(list, 'utf8')) as Listed[]) {
  say(`=====BEGIN ${name}`)
  try {
    device.pushErrorScope('validation')
    const module = device.createShaderModule({ code })
    await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main', constants } })
    const error = await device.popErrorScope()
    if (error) say(`=====ERROR ${error.message.split('\n')[0]}`)
  } catch (error) {
    const first = await device.popErrorScope()
    say(`=====ERROR ${(first?.message ?? String(error)).split('\n')[0]}`)
  }
  say('=====END')
}
process.exit(0)
