// onnxruntime-node's WebGPU provider: native onnxruntime on a Dawn of its own. It finds an adapter where the system has a
// Vulkan loader (or Metal, D3D12), and says why not elsewhere.

import { requestNodeAdapter } from '../../kernels/webgpu/adapter.node.ts'
import { describeAdapter, isSoftware } from '../../kernels/webgpu/adapter.ts'
import type { Contender } from '../lib/contender.ts'
import { ortContender } from './onnx-session.ts'
import { importOrtNode, ORT_NODE } from './ort-node.ts'
import { packageVersion } from './packages.ts'

export function createContender(): Contender {
  return ortContender({
    engine: 'ort-node-webgpu',
    engineVersion: packageVersion(ORT_NODE),
    device: 'gpu',
    read: async (onnxPath) => onnxPath,
    notes: ['native WebGPU provider, graph optimization all; the adapter is named as Dawn names it to us'],
    async open() {
      const found = await requestNodeAdapter('allow', [])
      const adapter = found && { name: describeAdapter(found.info), software: isSoftware(found.info) }
      return { ort: await importOrtNode(), options: { executionProviders: ['webgpu'] }, ...(adapter && { adapter }) }
    },
  })
}
