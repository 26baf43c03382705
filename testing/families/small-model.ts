// An untrained encoder of any family, with the tokenizer of its fixture, wide enough for every row of a study:
//   node testing/families/small-model.ts albert-encoder out/albert
//   npm run study -- --quick --model out/albert --out out/study-albert

import { parseArgs } from 'node:util'
import { loadModel } from '../../ts/model/load.ts'
import { saveModel } from '../../ts/model/save.ts'
import { initializeModel } from '../../ts/train/initialize.ts'
import { FIXTURES } from './fixtures.ts'

const SIZES = { layers: 2, hiddenSize: 32, heads: 4, intermediateSize: 64 }
/** Of tables, where a family's may be narrower than its layers. */
const TABLE_WIDTH = 16
const SEED = 1

const {
  positionals: [name, folder],
} = parseArgs({ allowPositionals: true })
const found = FIXTURES.find((fixture) => fixture.name === name)
if (!found || !folder)
  throw new Error(`expected a fixture and a folder; fixtures are ${FIXTURES.map((fixture) => fixture.name).join(', ')}`)
const { weights, tokenizerFiles } = await loadModel(found.folder)
const { task: _, problemType: __, prunedHeads: ___, ...config } = weights.config
const made = initializeModel(
  {
    ...config,
    ...SIZES,
    ...(config.embeddingSize !== undefined && { embeddingSize: TABLE_WIDTH }),
    labels: ['no', 'yes'],
  },
  SEED,
)
await saveModel({ ...made, pooler: null, classifier: null, config: { ...made.config, labels: [] } }, folder, {
  files: tokenizerFiles,
})
