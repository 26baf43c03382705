// Random crops: in some readings a text is read in one part only, with its label. Long texts say what they are more than once;
// a model that has seen their parts leans on no single place, as a header or a signature, and knows short texts too.

import type { Random } from '../../kernels/program/random.ts'
import type { Tokens } from './pieces.ts'

export interface Crop {
  /** how likely a reading is of a part only; 0 to 1 */
  rate: number
  /** fewest tokens of a part, beside [CLS] and [SEP]; texts with no more are read whole. 16 */
  least?: number
  /**
   * of texts with more than `than` tokens beside those two: how likely a reading is of a part, which then has at most that many.
   * Attention and all else cost less for parts, so that more readings fit into the same seconds. As any other text if not given
   */
  longer?: { than: number; rate: number }
}

/** As `least` where it is not given. */
export const LEAST = 16

/**
 * The same text, or a part of it: neighbouring tokens between its first and its last one, [CLS] and [SEP], which stay. Every
 * length from `least` to the longest is as likely as another, and so is every place.
 */
export function cropTokens(tokens: Tokens, { rate, least = LEAST, longer }: Crop, random: Random): Tokens {
  const { ids } = tokens
  const all = ids.length - 2
  const long = longer && all > longer.than ? longer : null
  if (all <= least || random.next() >= (long?.rate ?? rate)) return tokens
  const length = least + random.int((long ? long.than + 1 : all) - least)
  const begin = 1 + random.int(all - length + 1)
  const part = new Int32Array(length + 2)
  part[0] = ids[0]
  part.set(ids.subarray(begin, begin + length), 1)
  part[length + 1] = ids[all + 1]
  return { ids: part }
}
