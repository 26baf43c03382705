// What the onnxruntime adapters share: one ONNX file, int64 inputs by name, logits out.

import type { Contender, Description, ModelInput, Task } from '../lib/contender.ts'

interface OrtTensor {
  data: Float32Array | BigInt64Array
  dispose?(): void
}

interface OrtSession {
  inputNames: readonly string[]
  outputNames: readonly string[]
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>
  release(): Promise<void>
}

/** The part of onnxruntime's API that the adapters use; the package itself is installed by the bench, not by us. */
export interface Ort {
  env: { wasm: { numThreads: number; wasmPaths?: string }; logLevel: string; webgpu: { adapter?: unknown } }
  Tensor: new (type: 'int64', data: BigInt64Array, dims: number[]) => OrtTensor
  InferenceSession: { create(model: Uint8Array | string, options: Record<string, unknown>): Promise<OrtSession> }
}

export interface OrtAdapter {
  engine: string
  engineVersion: string
  device: 'cpu' | 'gpu'
  /** imports the package and sets what must be set before a session is made */
  open(
    task: Task,
  ): Promise<{ ort: Ort; options: Record<string, unknown>; adapter?: { name: string; software: boolean } }>
  notes: string[]
  /** bytes of the file at `onnxPath`, or the path where the package reads files itself */
  read(onnxPath: string): Promise<Uint8Array | string>
}

/** Inputs a BERT export may have. */
function inputValue(name: string, { ids }: ModelInput): BigInt64Array {
  if (name === 'input_ids') return BigInt64Array.from(ids, BigInt)
  if (name === 'attention_mask') return new BigInt64Array(ids.length).fill(1n)
  if (name === 'token_type_ids') return new BigInt64Array(ids.length)
  throw new Error(`the ONNX model has an input '${name}'; expected input_ids, attention_mask, token_type_ids`)
}

export function ortContender(adapter: OrtAdapter): Contender {
  let ort: Ort | null = null
  let session: OrtSession | null = null
  let feeds: Record<string, OrtTensor> = {}
  let logits = new Float32Array(0)
  let description: Description | null = null
  return {
    async prepare(task) {
      if (task.onnxPath === null) throw new Error(`${adapter.engine}: no ONNX file was exported for '${task.variant}'`)
      const opened = await adapter.open(task)
      ort = opened.ort
      session = await ort.InferenceSession.create(await adapter.read(task.onnxPath), {
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        ...opened.options,
      })
      description = {
        engine: adapter.engine,
        engineVersion: adapter.engineVersion,
        device: adapter.device,
        ...(opened.adapter ? { adapter: opened.adapter.name, software: opened.adapter.software } : {}),
        threads: adapter.device === 'cpu' ? task.threads : 1,
        notes: adapter.notes,
      }
    },
    async feed(input) {
      const dims = [input.batch, input.tokens]
      feeds = Object.fromEntries(
        session!.inputNames.map((name) => [name, new ort!.Tensor('int64', inputValue(name, input), dims)]),
      )
    },
    async run() {
      const outputs = await session!.run(feeds)
      const output = outputs[session!.outputNames[0]]
      logits = new Float32Array(output.data as Float32Array)
      output.dispose?.()
    },
    finish: async () => logits,
    dispose: async () => session?.release(),
    describe: () => description!,
  }
}
