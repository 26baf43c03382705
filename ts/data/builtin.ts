// Data sets that have a name: real e-mails, and synthetic reviews.

import type { Dataset } from './examples.ts'
import { BUILTIN_MAIL } from './mail/name.ts'
import { BUILTIN_REVIEWS, builtinReviews } from './reviews/reviews.ts'

/** Named data sets, as help and messages list them. */
export const BUILTIN = `${BUILTIN_MAIL} (real e-mails, spam or ham) or ${BUILTIN_REVIEWS} (synthetic)`

/**
 * A data set that has a name; null where `source` is none but the name of files.
 * @param options reviews: how many texts of builtin:reviews are made; all that there are if not given
 * @throws where there is none of that name, or its package is not installed
 */
export async function loadBuiltin(
  source: string,
  options: { seed: number; reviews?: number },
): Promise<Dataset | null> {
  if (!source.startsWith('builtin:')) return null
  const { seed, reviews: count } = options
  if (source === BUILTIN_REVIEWS) return builtinReviews({ seed, ...(count !== undefined && { count }) })
  if (source !== BUILTIN_MAIL) throw new Error(`data: no data set '${source}'; there is ${BUILTIN}`)
  const { builtinMail } = await import('./mail/mail.ts')
  return builtinMail({ seed })
}
