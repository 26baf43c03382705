// Where a pipeline's model comes from: weights in memory, or files that stay open until they are packed.

import type { BertConfig } from '../model/config.ts'
import { openModel } from '../model/load.ts'
import type { StoredModel } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { PipelineModel, PipelineOptions } from '../pipeline/pipeline.ts'
import { tokenizerOfFiles } from './tokenizer-files.ts'

export interface PipelineSource {
  weights: StoredModel
  tokenizer: Tokenizer
  where: string
  /** Says that all is read. */
  ready(): void
  close(): Promise<void>
}

/** @param readOnce there is one output to make ready, so that no weight is read twice */
export async function modelOf(
  model: string | PipelineModel,
  options: PipelineOptions,
  readOnce: boolean,
): Promise<PipelineSource> {
  const report = options.progress_callback
  if (typeof model !== 'string') {
    const { weights, tokenizer } = model
    const where = 'the given model'
    const isMade = typeof (tokenizer as Tokenizer).encode === 'function'
    const made = isMade
      ? (tokenizer as Tokenizer)
      : tokenizerOfFiles(tokenizer as Record<string, string>, weights.config, where)
    return {
      weights,
      tokenizer: await preparing(made, weights.config),
      where,
      ready: () => report?.({ status: 'ready', file: where }),
      close: async () => {},
    }
  }
  let isReady = false
  const opened = await openModel(model, {
    // the files of a feature extractor are read again for its other outputs, of which nobody waits to hear
    progress: report && ((event) => event.status !== 'ready' && !isReady && report(event)),
    revision: options.revision,
    localFilesOnly: options.local_files_only,
    readOnce,
  })
  const { weights, where } = opened
  try {
    const tokenizer = tokenizerOfFiles(opened.tokenizerFiles, weights.config, where)
    return {
      weights,
      tokenizer: await preparing(tokenizer, weights.config),
      where,
      ready: () => {
        isReady = true
        report?.({ status: 'ready', file: where })
      },
      close: opened.close,
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** Texts are prepared as the model's training did; what that needs is loaded for such models alone. */
export async function preparing(tokenizer: Tokenizer, { preparation }: BertConfig): Promise<Tokenizer> {
  if (!preparation?.steps.length) return tokenizer
  const { preparedTokenizer } = await import('../text/prepare.ts')
  return preparedTokenizer(tokenizer, preparation)
}
