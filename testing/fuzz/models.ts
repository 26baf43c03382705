// Mutated model folders: opened and computed inside guard bands, or refused by a sentence.

import { createRandom } from '../../kernels/program/random.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { memoryFiles } from '../../ts/io/folder.ts'
import { openTokenizer } from '../../ts/inference/open-tokenizer.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { openModelFrom } from '../../ts/model/load.ts'
import { encodeModel } from '../../ts/model/save.ts'
import { tokenizerFromVocabulary } from '../../ts/text/bare-vocabulary.ts'
import { FORMATS, syntheticModel } from '../models.ts'
import { mutateBytes, mutateJson } from './mutate.ts'
import { Fault, runCases, type FuzzReport, type Outcome } from './report.ts'

const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'abcdefghijklmnopqrstuvwxyz', '##a', '##b']
/** The header of a file is where damage is worth most; the first bytes hold it. */
const HEADER_BYTES = 4000

export async function fuzzModels(cases: number, seed: number, progress?: (done: number) => void): Promise<FuzzReport> {
  const files = Object.fromEntries(
    tokenizerFromVocabulary(VOCABULARY, { lowercase: true })
      .files()
      .map(({ name, content }) => [name, content]),
  )
  const folders = FORMATS.map((format) => encodeModel(syntheticModel(format, 3), { files }))
  const device = await createWasmDevice({ threads: 1, shared: false })
  try {
    return await runCases(
      cases,
      seed,
      async (index): Promise<Outcome> => {
        const random = createRandom(seed, `model ${index}`)
        const folder = { ...folders[random.int(folders.length)] }
        const names = Object.keys(folder)
        // weights twice as often as another file
        const name = random.int(3) === 0 ? 'model.safetensors' : names[random.int(names.length)]
        const file = folder[name]
        if (typeof file !== 'string') folder[name] = mutateBytes(file, random, random.int(2) ? HEADER_BYTES : undefined)
        else if (name.endsWith('.json') && random.int(3) > 0)
          folder[name] = JSON.stringify(mutateJson(JSON.parse(file), random))
        else folder[name] = mutateBytes(new TextEncoder().encode(file), random)
        const opened = await openModelFrom(memoryFiles(folder, 'folder'))
        const tokenizer = await openTokenizer(opened.tokenizerFiles, opened.weights.config, 'folder')
        const ids = tokenizer.encode('a cab', Math.min(8, opened.weights.config.maxPositions))
        const output = opened.weights.classifier ? 'logits' : 'embeddings'
        const session = await device.load(buildProgram(opened.weights, output), { guard: true })
        try {
          await session.run({ ids, types: new Int32Array(ids.length), offsets: Int32Array.of(0, ids.length) })
          const damage = await session.checkGuards()
          if (damage.length > 0) throw new Fault(damage.join('; '))
        } finally {
          session.dispose()
          await opened.close()
        }
        return 'taken'
      },
      progress,
    )
  } finally {
    await device.dispose()
  }
}
