// What a contender of `bench models` is, ours or a peer's: the same five verbs, each in its own process.

/** What to run: the same for every contender of a session. */
export interface Task {
  model: string
  /** recipe, or 'baseline' */
  variant: string
  seed: number
  /** ONNX file of the very weights that ours runs; only peers read it */
  onnxPath: string | null
  threads: number
  device: 'cpu' | 'gpu'
}

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
  threads: number
  notes: string[]
  /** ours only: tape records or dispatches of one run, and bytes of packed weights */
  calls?: number
  weightBytes?: number
}

export interface Contender {
  /** Loads the model. */
  prepare(task: Task): Promise<void>
  /** Sets the input of `run`. */
  feed(input: ModelInput): Promise<void>
  /** One forward pass from ids to logits. */
  run(): Promise<void>
  /** GPU time of one more run by timestamps, ms; null where there are none. Only on contenders that can tell. */
  gpuMs?(): Promise<number | null>
  /** Logits of the last run, f32 [batch, labels]. */
  finish(): Promise<Float32Array>
  dispose(): Promise<void>
  describe(): Description
}

/** Module of each contender, relative to bench/lib. Each exports `createContender(): Contender`. */
export const CONTENDERS: Record<string, string> = {
  'compact-kernels': '../contenders/ours.ts',
  'ort-web': '../peers/ort-web.ts',
  'ort-node': '../peers/ort-node.ts',
  'ort-webgpu': '../peers/ort-webgpu.ts',
}

/** Peers and the device each runs on. */
export const PEERS: Record<string, 'cpu' | 'gpu'> = { 'ort-web': 'cpu', 'ort-node': 'cpu', 'ort-webgpu': 'gpu' }
