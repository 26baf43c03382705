// Compares our sentence embeddings with PyTorch's, text by text.
//
// Use:  node bench/peers/embed-parity.ts MODEL_DIR ORACLE.json [cpu|gpu]
// ORACLE.json comes from bench/peers/embed_oracle.py. Exit code 1 where an embedding is off by more than 1e-4.

import { readFileSync } from 'node:fs'
import { pipeline } from '../../ts/index.ts'

const LIMIT = 1e-4

const [model, oracleFile, device = 'cpu'] = process.argv.slice(2)
const oracle = JSON.parse(readFileSync(oracleFile, 'utf8')) as { texts: string[]; embeddings: number[][] }
const extract = await pipeline('feature-extraction', model, { device: device === 'gpu' ? 'gpu' : 'cpu' })
const start = performance.now()
const { data, dims } = await extract(oracle.texts, { pooling: 'mean', normalize: true })
const seconds = (performance.now() - start) / 1000
const width = dims[dims.length - 1]
let worst = 0
let at = 0
oracle.embeddings.forEach((embedding, text) =>
  embedding.forEach((value, c) => {
    const difference = Math.abs(data[text * width + c] - value)
    if (!(difference <= worst)) [worst, at] = [difference, text]
  }),
)
console.log(JSON.stringify(extract.info()))
console.log(
  `${oracle.texts.length} texts in ${seconds.toFixed(2)} s; largest difference ${worst} (text ${at}), limit ${LIMIT}`,
)
await extract.dispose()
process.exitCode = worst <= LIMIT ? 0 : 1
