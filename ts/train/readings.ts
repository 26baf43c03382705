// How examples are read in one step: whole or in part, in these pieces or in smaller ones.

import { createRandom } from '../../kernels/program/random.ts'
import { cropTokens } from './crop.ts'
import type { TrainOptions } from './options.ts'
import { dropPieces, type Tokens } from './pieces.ts'

/**
 * The examples as a pass reads them.
 * @param pass its number: every one reads otherwise, and the same one alike in each run
 * @param limit most tokens of an example
 */
export function readExamples(
  examples: readonly Tokens[],
  { crop, pieceDropout, seed }: Pick<TrainOptions, 'crop' | 'pieceDropout'> & { seed: number },
  pass: number,
  limit: number,
): readonly Tokens[] {
  let read = examples
  if (crop) {
    const random = createRandom(seed, `crop ${pass}`)
    read = read.map((tokens) => cropTokens(tokens, crop, random))
  }
  if (pieceDropout) {
    const random = createRandom(seed, `pieces ${pass}`)
    read = read.map((tokens) => dropPieces(tokens, pieceDropout, limit, random))
  }
  return read
}
