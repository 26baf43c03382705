// Scores every variant of a model that the page ships, and writes them into its page.json:
//   node app/models/measure.ts app/models/sentiment sst2.test-labeled.tsv

import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { matchLabels } from '../../ts/data/labels.ts'
import { loadRows } from '../../ts/data/rows.ts'
import { scoreModel } from '../../ts/evaluation/task-scores.ts'
import { openTokenizer } from '../../ts/inference/open-tokenizer.ts'
import { loadModel } from '../../ts/model/load.ts'
import { inspectModel } from '../../ts/recipe/ledger.ts'
import { makeVariant } from '../make-variant.ts'
import type { ModelFacts } from '../model-facts.ts'
import { AS_SHIPPED, VARIANTS } from '../variants.ts'

const SEED = 1

const [folder, data] = process.argv.slice(2)
if (!folder || !data) throw new Error('expected a model folder and a file of labelled texts')
const path = join(folder, 'page.json')
const facts = JSON.parse(readFileSync(path, 'utf8')) as ModelFacts
const { weights, tokenizerFiles, where, fileBytes } = await loadModel(folder)
const tokenizer = await openTokenizer(tokenizerFiles, weights.config, where)
const found = await loadRows(data, { seed: SEED })
const { order } = matchLabels(found.labels, weights.config.labels, folder)
const rows = found.rows.map(({ text, label }) => ({ text, label: order[label] }))
facts.texts = rows.length
facts.variants = {}
for (const variant of VARIANTS) {
  const { model } = await makeVariant(weights, variant)
  const scores = await scoreModel(model, tokenizer, rows, {
    maxLength: weights.config.maxPositions,
    threads: 1,
    seed: SEED,
  })
  if (scores.problemType !== 'single_label_classification')
    throw new Error(`${folder}: its outputs are those of ${scores.problemType}; expected classes`)
  const { accuracy, f1, f1Low, f1High } = scores
  const bytes = variant === AS_SHIPPED ? fileBytes : inspectModel(model, { header: true }).bytes
  facts.variants[variant] = { bytes, accuracy, f1, f1Low, f1High }
  console.log(
    `${variant}: ${(bytes / 1e6).toFixed(2)} MB, F1 ${f1.toFixed(4)} [${f1Low.toFixed(3)}, ${f1High.toFixed(3)}]`,
  )
}
const round = (_: string, value: unknown): unknown => (typeof value === 'number' ? Number(value.toFixed(4)) : value)
await writeFile(path, `${JSON.stringify(facts, round, 2)}\n`)
