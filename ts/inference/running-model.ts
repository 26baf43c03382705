// A model on a device: one session for each output that was asked for.

import type { Device, LoadOptions, Session } from '../../kernels/program/device.ts'
import { buildProgram, type ModelOutput } from '../model/bert.ts'
import type { BertConfig } from '../model/config.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { encodeWithin, type EncodedTexts, type PairCut, type RunOptions, type TextInput } from './batches.ts'
import { runLogits } from './logits.ts'
import type { TextModel } from './text-model.ts'
import { mostTokens } from './open-tokenizer.ts'

export interface RunningModel {
  readonly config: BertConfig
  readonly device: Device
  /** texts that were encoded, and how many of them lost their end */
  readonly encoded: { texts: number; truncated: number }
  /** The session of an output; loaded when it is first asked for. */
  session(output: ModelOutput, options?: Pick<LoadOptions, 'signal'>): Promise<Session>
  /** The device has its own copy: with no other output to make ready, weights in memory can go, files be closed. */
  releaseWeights(): Promise<void>
  readonly tokenizer: Tokenizer
  /** Token ids of each text, at most `maxLength`, or as many as the model's authors and its positions allow. */
  encode(texts: readonly TextInput[], maxLength?: number, cut?: PairCut): EncodedTexts
  /** f32 [texts, labels] */
  logits(encoded: Pick<EncodedTexts, 'ids' | 'types'>, options?: RunOptions): Promise<Float32Array>
  /** Frees the sessions and closes the files. */
  dispose(): Promise<void>
}

/** @param device stays the caller's */
export function runOn(device: Device, { weights, tokenizer, close }: TextModel): RunningModel {
  const { config } = weights
  const encoded = { texts: 0, truncated: 0 }
  const sessions = new Map<ModelOutput, Promise<Session>>()
  let held: TextModel['weights'] | null = weights
  const session = (output: ModelOutput, options: Pick<LoadOptions, 'signal'> = {}): Promise<Session> => {
    let found = sessions.get(output)
    if (!found) {
      if (!held) throw new Error(`the weights were released, so that ${output} cannot be made ready`)
      found = device.load(buildProgram(held, output, { normalize: false }), options)
      sessions.set(output, found)
      // the next call may try again
      found.catch(() => sessions.delete(output))
    }
    return found
  }
  const releaseWeights = async (): Promise<void> => {
    held = null
    await close()
  }
  return {
    config,
    device,
    encoded,
    session,
    releaseWeights,
    tokenizer,
    encode(texts, maxLength = mostTokens(tokenizer, config), cut) {
      const found = encodeWithin(tokenizer, texts, maxLength, cut)
      encoded.texts += texts.length
      encoded.truncated += found.truncated
      return found
    },
    logits: async ({ ids, types }, options = {}) =>
      runLogits(await session('logits'), ids, config.labels.length, { types, ...options }),
    async dispose() {
      for (const made of sessions.values()) await made.then((found) => found.dispose()).catch(() => {})
      sessions.clear()
      await releaseWeights()
    },
  }
}
