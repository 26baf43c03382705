// What the page and its worker say to each other. Every request has a number, which its replies carry.

import type { DeviceInfo } from '../kernels/program/device.ts'

export interface DeviceRequest {
  /** 'auto': whichever is measured to be faster for the model and variant */
  kind: 'wasm' | 'webgpu' | 'auto'
  /** of WebAssembly; 0 for a GPU */
  threads: number
}

/** Where a model's files are: addresses on this host by file name, or files that were dropped. */
export type ModelChoice = { name: string; addresses: Record<string, string> } | { name: string; files: File[] }

/** A model in one of its variants on a device. */
export interface Slot {
  model: ModelChoice
  /** AS_SHIPPED, DENSE or a recipe */
  variant: string
  device: DeviceRequest
}

export type Request =
  | { verb: 'classify'; slot: Slot; texts: string[] }
  | { verb: 'inspect'; model: ModelChoice; variant: string }
  | { verb: 'verify'; model: ModelChoice; variant: string; devices: DeviceRequest[] }
  | { verb: 'bench'; plan: BenchPlan }

export interface BenchPlan {
  model: ModelChoice
  variants: string[]
  devices: DeviceRequest[]
  parts: BenchPart[]
  /** shorter bursts, for a first look */
  quick: boolean
}

export const BENCH_PARTS = ['models', 'kernels', 'break-even'] as const
export type BenchPart = (typeof BENCH_PARTS)[number]

/** Milliseconds, with the median absolute deviation of n samples. */
export interface Time {
  medianMs: number
  madMs: number
  n: number
}

/** A time of the bench. */
export interface BenchTime extends Time {
  /** most of its bursts ran while a loop of fixed work beside them was slow */
  noisy: boolean
}

export interface TextAnswer {
  /** best first */
  labels: { label: string; score: number }[]
  /** of the whole text, [CLS] and [SEP] included */
  tokens: number
  /** tokens that the model read: fewer where the text is longer than it takes */
  read: number
  /** words of which the vocabulary has no piece */
  unknown: string[]
}

export interface Classified {
  answers: TextAnswer[]
  recipe: string
  /** all texts together; n = 1 where one run took too long to repeat */
  time: Time
  /** first run, weights packed already */
  coldMs: number
  /** from the request to weights on the device; 0 where they were there already */
  openMs: number
  /** as a model file, and packed on the device */
  fileBytes: number
  deviceBytes: number
  info: DeviceInfo
  notes: string[]
}

export interface LayerBytes {
  name: string
  /** e.g. '384 x 1536' or '7000 x 384' */
  shape: string
  /** how it is stored, e.g. 'int8-1x4' */
  kind: string
  /** share of weights that are stored */
  density: number
  bytes: number
}

export interface Inspected {
  recipe: string
  bytes: number
  params: number
  labels: string[]
  maxPositions: number
  groups: { name: string; kind: string; params: number; bytes: number }[]
  layers: LayerBytes[]
}

export interface Verified {
  /** as the command `verify` prints it */
  certificate: string
  /** nothing was found that is not as it shall be */
  isRight: boolean
}

/** Where a time was taken. */
export interface Place {
  kind: 'cpu' | 'gpu'
  /** of the device, in its own words */
  device: string
  software: boolean
  threads: number
}

export interface ModelTime extends Place, BenchTime {
  part: 'models'
  model: string
  variant: string
  bytes: number
  tokens: number
  p95Ms: number
  coldMs: number
}

export interface KernelTime extends Place, BenchTime {
  part: 'kernels'
  /** M x N x K */
  shape: string
  op: string
  variant: string
  /** as if the layer were dense */
  gops: number
  maxError: number
}

export interface BreakEvenTime extends Place, BenchTime {
  part: 'break-even'
  shape: string
  format: string
  /** share of the weights that are stored */
  density: number
}

export type BenchRow = ModelTime | KernelTime | BreakEvenTime

export interface BenchStep {
  done: number
  total: number
  /** what is measured now */
  name: string
  /** estimate; null before there is any */
  leftMs: number | null
}

export type Reply =
  | { verb: 'progress'; stage: 'fetching' | 'opening' | 'making' | 'packing' | 'running'; done: number; total: number }
  | { verb: 'classified'; result: Classified }
  | { verb: 'inspected'; result: Inspected }
  | { verb: 'verified'; result: Verified }
  | { verb: 'step'; step: BenchStep }
  | { verb: 'row'; row: BenchRow }
  | { verb: 'left-out'; what: string; why: string }
  | { verb: 'benched' }
  | { verb: 'error'; message: string }

export interface Asked {
  id: number
  request: Request
}

export interface Answered {
  id: number
  reply: Reply
}
