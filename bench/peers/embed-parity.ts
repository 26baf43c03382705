// Compares our sentence embeddings with PyTorch's, text by text.
//
// Use:  node bench/peers/embed-parity.ts MODEL_DIR ORACLE.json [cpu|gpu] [COSINE]
// ORACLE.json comes from bench/peers/embed_oracle.py. Exit code 1 where an element is off by more than 1e-4, or, where COSINE is
// given, as for compressed models, where the cosine of an embedding with PyTorch's is less.

import { readFileSync } from 'node:fs'
import { pipeline } from '../../ts/index.ts'

const LIMIT = 1e-4

const [model, oracleFile, device = 'cpu', leastCosine] = process.argv.slice(2)
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
// both are of length 1
const cosines = oracle.embeddings.map((embedding, text) =>
  embedding.reduce((sum, value, c) => sum + value * data[text * width + c], 0),
)
console.log(JSON.stringify(extract.info()))
console.log(
  `${oracle.texts.length} texts in ${seconds.toFixed(2)} s; largest difference ${worst} (text ${at}), limit ${LIMIT}; cosines ${Math.min(...cosines).toFixed(5)} and more, mean ${(cosines.reduce((a, b) => a + b, 0) / cosines.length).toFixed(5)}`,
)
await extract.dispose()
const isRight = leastCosine === undefined ? worst <= LIMIT : Math.min(...cosines) >= Number(leastCosine)
process.exitCode = isRight ? 0 : 1
