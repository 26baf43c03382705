// Prints what Dawn makes of each shader for Vulkan (SPIR-V as text), on SwiftShader so that it is the same everywhere:
//   node scripts/dump-shaders.ts [shader ...]
// Each begins with a line `=== name`. kernels/webgpu/codegen.test.ts counts in it.

import { create, globals } from 'webgpu'
import { SHADERS, type ShaderName } from '../kernels/generated/shaders.ts'
import { loadLibrary } from '../kernels/webgpu/adapter.node.ts'
import { extractSwiftShader } from '../kernels/webgpu/swiftshader.node.ts'

Object.assign(globalThis, globals)
const driver = await extractSwiftShader()
process.env.VK_ICD_FILENAMES = driver.icd
loadLibrary(driver.loader)
const gpu = create([
  'enable-dawn-features=dump_shaders',
  'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension',
])
const adapter = await gpu.requestAdapter()
if (!adapter) throw new Error('dump-shaders: SwiftShader gives no adapter')
const { maxStorageBuffersPerShaderStage } = adapter.limits
const device = await adapter.requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage } })
const names = process.argv.slice(2)
for (const [name, code] of Object.entries(SHADERS) as [ShaderName, string][]) {
  if (names.length > 0 && !names.includes(name)) continue
  // SwiftShader has neither matrices nor f16
  if (/^enable (chromium_experimental_subgroup_matrix|f16);/m.test(code)) continue
  console.log(`=== ${name}`)
  const module = device.createShaderModule({ code })
  await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } })
}
// Dawn's objects must outlive their last use
process.exit(0)
