// What the page and its worker say to each other.

import type { DeviceInfo } from '../kernels/program/device.ts'

export interface DeviceRequest {
  kind: 'wasm' | 'webgpu'
  threads: number
}

export type ModelChoice = { preset: string } | { address: string } | { files: File[] }

export type Request =
  | { verb: 'classify'; model: ModelChoice; variant: string; device: DeviceRequest; text: string }
  | { verb: 'bench'; shapes: string; device: DeviceRequest }

export interface Classified {
  labels: { label: string; score: number }[]
  tokens: number
  medianMs: number
  coldMs: number
  /** as a model file, and packed on the device */
  fileBytes: number
  deviceBytes: number
  info: DeviceInfo
  notes: string[]
}

export interface KernelResult {
  /** M N K */
  shape: string
  op: string
  variant: string
  medianMs: number
  /** dense-equivalent */
  gops: number
  maxError: number
}

export type Reply =
  | { verb: 'progress'; message: string }
  | { verb: 'classified'; result: Classified }
  | { verb: 'kernel'; result: KernelResult }
  | { verb: 'benched'; info: DeviceInfo }
  | { verb: 'error'; message: string }
