// Draws a scene by WebGPU. Colours are premultiplied; points come back to front, so that no depth buffer is needed.

import type { Mat4 } from 'wgpu-matrix'
import { project } from './orbit.ts'
import type { Scene } from './scene.ts'
import shader from './space.wgsl?raw'

/** red, green, blue, alpha from 0 to 1 */
export type Colour = readonly [number, number, number, number]

export interface Colours {
  edge: Colour
  foot: Colour
  machines: readonly Colour[]
}

/** of points, in CSS pixels */
export const RADIUS = 6

const LINE_FLOATS = 7
const POINT_FLOATS = 8
const UNIFORM_BYTES = 80

export interface SpaceRenderer {
  draw(scene: Scene, matrix: Mat4, colours: Colours, ratio: number): void
  /** Frees what the GPU holds. */
  dispose(): void
}

/**
 * @param lost is called once where the GPU goes away
 * @throws where there is no adapter, or the canvas gives no context
 */
export async function createSpaceRenderer(
  canvas: HTMLCanvasElement,
  lost: (why: string) => void,
): Promise<SpaceRenderer> {
  const adapter = await navigator.gpu.requestAdapter()
  if (!adapter) throw new Error('WebGPU gives no adapter')
  const device = await adapter.requestDevice()
  void device.lost.then(({ reason, message }) => {
    if (reason !== 'destroyed') lost(message || reason)
  })
  const context = canvas.getContext('webgpu')
  if (!context) throw new Error('the canvas gives no WebGPU context')
  const format = navigator.gpu.getPreferredCanvasFormat()
  context.configure({ device, format, alphaMode: 'premultiplied' })

  const module = device.createShaderModule({ code: shader })
  const blended = {
    format,
    blend: {
      color: { srcFactor: 'one', dstFactor: 'one-minus-src-alpha' },
      alpha: { srcFactor: 'one', dstFactor: 'one-minus-src-alpha' },
    },
  } as const satisfies GPUColorTargetState
  const bindings = device.createBindGroupLayout({
    entries: [{ binding: 0, visibility: GPUShaderStage.VERTEX, buffer: {} }],
  })
  const layout = device.createPipelineLayout({ bindGroupLayouts: [bindings] })
  const attributes = (...sizes: number[]): GPUVertexAttribute[] => {
    let offset = 0
    return sizes.map((size, shaderLocation) => {
      const attribute = {
        shaderLocation,
        offset,
        format: (size === 1 ? 'float32' : `float32x${size}`) as GPUVertexFormat,
      }
      offset += 4 * size
      return attribute
    })
  }
  const lines = device.createRenderPipeline({
    layout,
    vertex: { module, entryPoint: 'line', buffers: [{ arrayStride: 4 * LINE_FLOATS, attributes: attributes(3, 4) }] },
    fragment: { module, entryPoint: 'lineColour', targets: [blended] },
    primitive: { topology: 'line-list' },
  })
  const discs = device.createRenderPipeline({
    layout,
    vertex: {
      module,
      entryPoint: 'disc',
      buffers: [{ arrayStride: 4 * POINT_FLOATS, stepMode: 'instance', attributes: attributes(3, 1, 4) }],
    },
    fragment: { module, entryPoint: 'discColour', targets: [blended] },
  })
  const uniforms = device.createBuffer({ size: UNIFORM_BYTES, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST })
  const group = device.createBindGroup({ layout: bindings, entries: [{ binding: 0, resource: { buffer: uniforms } }] })
  let vertices: GPUBuffer | null = null

  return {
    draw(scene, matrix, colours, ratio) {
      const { width, height } = canvas
      const depth = (at: Scene['points'][number]['at']): number => project(matrix, at, width, height)[2]
      const points = [...scene.points].sort((a, b) => depth(b.at) - depth(a.at))
      const data = Float32Array.from([
        ...scene.lines.flatMap(({ from, to, kind }) => [...from, ...colours[kind], ...to, ...colours[kind]]),
        ...points.flatMap(({ at, machine }) => [
          ...at,
          RADIUS * ratio,
          ...colours.machines[machine % colours.machines.length],
        ]),
      ])
      if (!vertices || vertices.size < data.byteLength) {
        vertices?.destroy()
        vertices = device.createBuffer({
          size: data.byteLength,
          usage: GPUBufferUsage.VERTEX | GPUBufferUsage.COPY_DST,
        })
      }
      device.queue.writeBuffer(vertices, 0, data)
      device.queue.writeBuffer(uniforms, 0, Float32Array.from([...matrix, width, height, 0, 0]))
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginRenderPass({
        colorAttachments: [
          {
            view: context.getCurrentTexture().createView(),
            clearValue: [0, 0, 0, 0],
            loadOp: 'clear',
            storeOp: 'store',
          },
        ],
      })
      pass.setBindGroup(0, group)
      pass.setPipeline(lines)
      pass.setVertexBuffer(0, vertices)
      pass.draw(2 * scene.lines.length)
      pass.setPipeline(discs)
      pass.setVertexBuffer(0, vertices, 4 * 2 * LINE_FLOATS * scene.lines.length)
      pass.draw(6, points.length)
      pass.end()
      device.queue.submit([encoder.finish()])
    },
    dispose: () => device.destroy(),
  }
}
