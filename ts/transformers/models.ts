// AutoModel and its kin: token ids in, logits or hidden states out, as padded tensors.

import type { HeldAsync } from '../../kernels/program/disposable.ts'
import { openDeviceFor } from '../inference/devices.ts'
import { runBatches } from '../inference/batches.ts'
import { runOn, type RunningModel } from '../inference/running-model.ts'
import { openTextModel } from '../inference/text-model.ts'
import type { ModelOutput } from '../model/bert.ts'
import { withDtype } from './dtype.ts'
import { findFiles } from './files.ts'
import { fileOptions, type ModelOptions } from './options.ts'
import { Tensor } from './tensor.ts'

/** config.json, with the names of the classes. */
export interface PretrainedConfig {
  model_type: string
  id2label: Record<number, string>
  label2id: Record<string, number>
  [name: string]: unknown
}

/** Tensors of int64 [B, T], or lists of numbers. */
export interface ModelInputs {
  input_ids: Tensor | readonly (readonly number[])[]
  /** 1 for tokens, 0 for padding; all are tokens if not given */
  attention_mask?: Tensor | readonly (readonly number[])[]
  token_type_ids?: Tensor | readonly (readonly number[])[]
}

export interface PreTrainedModel<Output> extends HeldAsync {
  (inputs: ModelInputs): Promise<Output>
  readonly config: PretrainedConfig
}

/** What a model gives, by name: 'logits' [B, labels], or [B, T, labels] of tokens; 'last_hidden_state' [B, T, C]. */
const NAMES = { logits: 'logits', 'token-logits': 'logits', hidden: 'last_hidden_state' } as const
type Kind = keyof typeof NAMES

/** Numbers of each row. */
const rowsOf = (given: Tensor | readonly (readonly number[])[]): number[][] =>
  (given instanceof Tensor ? (given.tolist() as (number | bigint)[][]) : given).map((row) => row.map(Number))

/** Padding is left out before the model, and is 0 in what it gives for each token. */
async function forward(model: RunningModel, kind: Kind, inputs: ModelInputs): Promise<Record<string, Tensor>> {
  if (!inputs?.input_ids) throw new TypeError('the model is called without input_ids; give what the tokenizer returns')
  const ids = rowsOf(inputs.input_ids)
  const masks = inputs.attention_mask ? rowsOf(inputs.attention_mask) : ids.map((row) => row.map(() => 1))
  const types = inputs.token_type_ids && rowsOf(inputs.token_type_ids)
  const places = ids.map((row, b) => row.map((_, t) => t).filter((t) => masks[b]?.[t] === 1))
  const most = model.config.maxPositions
  places.forEach((kept, b) => {
    if (kept.length === 0 || kept.length > most)
      throw new RangeError(
        `row ${b} has ${kept.length} tokens, expected 1 to ${most}; give truncation: true to the tokenizer`,
      )
  })
  const pick = (rows: number[][]): Int32Array[] => places.map((kept, b) => Int32Array.from(kept, (t) => rows[b][t]))
  const sequences = pick(ids)
  const T = ids.reduce((most, { length }) => Math.max(most, length), 0)
  const width = kind === 'hidden' ? model.config.hiddenSize : model.config.labels.length
  const isPooled = kind === 'logits'
  const data = new Float32Array(ids.length * (isPooled ? 1 : T) * width)
  const session = await model.session(kind as ModelOutput)
  await runBatches(session, sequences, { types: types && pick(types) }, (output, rows, offsets) => {
    rows.forEach((b, at) => {
      if (isPooled) return data.set(output.subarray(at * width, (at + 1) * width), b * width)
      places[b].forEach((t, i) => {
        const from = (offsets[at] + i) * width
        data.set(output.subarray(from, from + width), (b * T + t) * width)
      })
    })
  })
  const dims = isPooled ? [ids.length, width] : [ids.length, T, width]
  return { [NAMES[kind]]: new Tensor('float32', data, dims) }
}

/** A model that runs, as a function of its inputs. */
export function callable(
  model: RunningModel,
  kind: Kind,
  config: PretrainedConfig,
  dispose: () => Promise<void>,
): PreTrainedModel<Record<string, Tensor>> {
  let isDisposed = false
  const end = async (): Promise<void> => {
    if (isDisposed) return
    isDisposed = true
    await dispose()
  }
  const call = async (inputs: ModelInputs): Promise<Record<string, Tensor>> => {
    if (isDisposed) throw new Error('this model was disposed of; open it again')
    return forward(model, kind, inputs)
  }
  return Object.assign(call, { config, dispose: end, [Symbol.asyncDispose]: end })
}

export const configOf = (text: string, labels: readonly string[]): PretrainedConfig => ({
  ...(JSON.parse(text) as { model_type: string }),
  id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
  label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
})

const openAs =
  <Output>(kind: Kind) =>
  async (name: string, options: ModelOptions = {}): Promise<PreTrainedModel<Output>> => {
    const files = await findFiles(name, fileOptions(name, options))
    const source = await withDtype(files, options.dtype ?? undefined)
    const opened = await openTextModel(source, { readOnce: true, signal: options.signal })
    try {
      if (kind !== 'hidden' && !opened.weights.classifier)
        throw new Error(`${files.where}: this model has no classifier; use AutoModel, or train one first`)
      const { device: choice, threads, workerUrl, signal } = options
      const { device, model: measured } = await openDeviceFor(opened, {
        device: choice ?? undefined,
        threads,
        workerUrl,
      })
      const model = runOn(device, measured)
      const dispose = async (): Promise<void> => {
        await model.dispose()
        await device.dispose()
      }
      try {
        await model.session(kind as ModelOutput, { signal })
        await model.releaseWeights()
      } catch (error) {
        await dispose()
        throw error
      }
      const config = configOf((await files.text('config.json'))!, opened.weights.config.labels)
      return callable(model, kind, config, dispose) as unknown as PreTrainedModel<Output>
    } catch (error) {
      await opened.close()
      throw error
    }
  }

export const AutoModel = {
  /** Opens an encoder: hidden states of every token. */
  from_pretrained: openAs<{ last_hidden_state: Tensor }>('hidden'),
}
export const AutoModelForSequenceClassification = {
  /** Opens a classifier of texts: logits [B, labels]. */
  from_pretrained: openAs<{ logits: Tensor }>('logits'),
}
export const AutoModelForTokenClassification = {
  /** Opens a classifier of tokens: logits [B, T, labels]. */
  from_pretrained: openAs<{ logits: Tensor }>('token-logits'),
}
