// What a page and its worker tell each other. A pipeline and each of its calls have a number.

import type { ModelInMemory } from '../inference/text-model.ts'
import type { ProgressEvent } from '../io/folder.ts'
import type { PipelineInfo, PipelineOptions } from '../pipeline/pipeline.ts'

/** What can be cloned of a pipeline's options. */
export type SentOptions = Omit<
  PipelineOptions,
  'progress_callback' | 'signal' | 'gpuDevice' | 'device' | 'workerUrl'
> & {
  device?: string
  workerUrl?: string
}

/** A name or an address; a model's files by name; or weights with the texts of a tokenizer's files. */
export type SentModel =
  | string
  | { files: Record<string, string | Uint8Array<ArrayBuffer>> }
  | (ModelInMemory & { tokenizer: Record<string, string> })

export type Request =
  | { kind: 'open'; id: number; task: string; model: SentModel; options: SentOptions; hasProgress: boolean }
  | { kind: 'call' | 'warmup'; id: number; pipeline: number; given: unknown[] }
  /** ends a call or an opening */
  | { kind: 'abort'; id: number }
  | { kind: 'dispose'; id: number; pipeline: number }

export type Answer =
  | { kind: 'progress'; id: number; event: ProgressEvent }
  | { kind: 'done'; id: number; result: unknown; info: PipelineInfo | null }
  | { kind: 'failed'; id: number; name: string; message: string }

/** A port to the other side, whatever the engine. */
export interface Port<Sent, Received> {
  post(message: Sent, transfer: ArrayBuffer[]): void
  receive(take: (message: Received) => void): void
}

/** As the page sees its worker. */
export interface RunningWorker extends Port<Request, Answer> {
  fail(take: (why: string) => void): void
  /** keeps the process alive while answers are awaited (Node); +1 and -1 */
  hold(by: number): void
  terminate(): Promise<void>
}
