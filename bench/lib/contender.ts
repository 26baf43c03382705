// What a contender of a bench is, ours or a peer's: the same five verbs, each in its own process.

import type { Precision } from '../../kernels/webgpu/device.ts'
import type { LinearShape } from './shapes.ts'

/** What to run: the same for every contender of a session. */
export interface Task {
  /** recipe, or 'baseline' */
  variant: string
  /** ONNX file of the very weights that ours runs; only the onnxruntime peers read it */
  onnxPath: string | null
  /** folder with the same weights multiplied out to dense f32, as Hugging Face stores them; only torch reads it */
  densePath: string | null
  /** the variant has int8 linear layers: a peer that quantizes by itself does so */
  int8: boolean
  /** folder of the variant as we write it, or its address in a page; ours and jax-js read it */
  folder: string
  threads: number
  device: 'cpu' | 'gpu'
  /** of dense f32 layers on the GPU; only ours reads it */
  precision: Precision
}

/** A process of the contender's own, or a page of headless Chromium: cross-origin isolated (with threads) or not. */
export const HOSTS = ['node', 'chromium', 'chromium-plain'] as const
export type Host = (typeof HOSTS)[number]

export interface ModelInput {
  /** sequences of equal length */
  batch: number
  tokens: number
  /** [batch * tokens] */
  ids: Int32Array
}

export interface Description {
  engine: string
  engineVersion: string
  device: 'cpu' | 'gpu'
  adapter?: string
  /** true where the adapter is an emulation: its times are no GPU's */
  software?: boolean
  /** ours on the GPU only */
  precision?: Precision
  threads: number
  notes: string[]
  /** ours only: tape records or dispatches of one run, and bytes of packed weights */
  calls?: number
  weightBytes?: number
  /** of `bench texts`, ours only: where the time goes, least ms of a few passes by part */
  partsMs?: Record<string, number>
}

/** One linear layer of `bench kernels`: operands are made from the seed of linearCases, on every side the same. */
export interface LinearTask {
  shape: LinearShape
  /** kernels of the run, which share one stream of random numbers, and the one to run */
  ops: string[]
  op: string
  threads: number
}

/** Vectors of real texts: the whole way of a user, tokenizer included. */
export interface TextsTask {
  /** folder with tokenizer, weights as we write them, and onnx/model.onnx with the very same for the peer */
  folder: string
  threads: number
}

export interface TextsInput {
  texts: string[]
  /** texts of one call */
  batch: number
}

/** T is what it runs, I its input; a layer's input is made with the layer. */
export interface Contender<T = Task, I = ModelInput> {
  /** Loads the model. */
  prepare(task: T): Promise<void>
  /** Sets the input of `run`. */
  feed(input: I): Promise<void>
  /** One forward pass from ids to logits, or of a layer from rows to rows. */
  run(): Promise<void>
  /** GPU time of one more run by timestamps, ms; null where there are none. Only on contenders that can tell. */
  gpuMs?(): Promise<number | null>
  /** Logits of the last run, f32 [batch, labels], or the layer's rows. */
  finish(): Promise<Float32Array>
  dispose(): Promise<void>
  describe(): Description
}

/**
 * Files of the contenders that run in a process (lib/chromium.ts has those of pages), relative to bench/lib: a module that
 * exports `createContender(): Contender`, or a Python script that answers the same requests as lines of JSON.
 */
export const CONTENDERS: Record<string, string> = {
  'compact-kernels': '../contenders/ours.node.ts',
  'compact-kernels-wide': '../contenders/ours-wide.node.ts',
  'compact-kernels-texts': '../contenders/ours-texts.node.ts',
  'compact-kernels-texts-wide': '../contenders/ours-texts-wide.node.ts',
  start: '../contenders/start.node.ts',
  stages: '../contenders/stages.node.ts',
  'transformers-js': '../peers/transformers-js.ts',
  'ort-web': '../peers/ort-web.ts',
  'ort-node': '../peers/ort-node.ts',
  'ort-webgpu': '../peers/ort-webgpu.ts',
  'ort-node-webgpu': '../peers/ort-node-webgpu.ts',
  torch: '../peers/torch_bert.py',
  'torch-cuda': '../peers/torch_bert.py',
}

/** Peers and the device each runs on. */
export const PEERS: Record<string, 'cpu' | 'gpu'> = {
  'ort-web': 'cpu',
  'ort-node': 'cpu',
  'ort-webgpu': 'gpu',
  'ort-node-webgpu': 'gpu',
  'jax-webgpu': 'gpu',
  torch: 'cpu',
  'torch-cuda': 'gpu',
}
