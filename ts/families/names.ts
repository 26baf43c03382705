// The names of a family's tensors, put together from its file.

import type { Family, HeadLayer, LayerLinear } from './family.ts'

export const linearStem = (family: Family, layer: number, role: LayerLinear): string =>
  `${family.tensors.layer(layer)}.${family.tensors.linears[role]}`

export const normStem = (family: Family, layer: number, norm: 'attention' | 'output'): string =>
  `${family.tensors.layer(layer)}.${family.tensors.norms[norm]}`

/** What decides which head a model has. */
interface WithTask {
  task?: 'token-classification'
}

/** The dense layer on the first token's row that a model has; null where it can have none. */
export function poolerOf({ head }: Family, { task }: WithTask, hasClassifier: boolean): HeadLayer | null {
  if (!hasClassifier) return head.pooler
  return task === 'token-classification' ? null : head.dense
}

/** Tensor stem of the classifier. */
export const classifierStem = ({ head }: Family, { task }: WithTask): string =>
  task === 'token-classification' ? head.tokenClassifier : head.classifier

/**
 * Rows of the position table before the first token's, of which the last is the padding token's.
 * @param paddingId the padding token's id where the family's positions pass over it
 */
export function rowsBeforePositions({ positions, modelTypes }: Family, paddingId: number | undefined): number {
  if (positions === 'index') return 0
  if (paddingId === undefined)
    throw new Error(
      `families: a configuration of ${modelTypes[0]} needs paddingId, since its positions pass over padding`,
    )
  return paddingId + 1
}

const isUnder = (stem: string, name: string): boolean => name.startsWith(`${stem}.`)

/** That a tensor belongs to the pooler or the classifier, whether the model at hand uses it or not. */
export const isOfHead = ({ head }: Family, name: string): boolean =>
  [head.dense.stem, head.pooler?.stem, head.classifier, head.tokenClassifier].some(
    (stem) => stem !== undefined && isUnder(stem, name),
  )

/** The first part of each name that the encoder has behind its prefix: `embeddings`, `encoder`, `pooler`. */
function encoderRoots({ prefix, tensors, head }: Family): Set<string> {
  const stems = [tensors.word, tensors.position, tensors.embeddingNorm, tensors.layer(0), head.dense.stem]
  if (tensors.type !== null) stems.push(tensors.type)
  if (tensors.projection) stems.push(tensors.projection.stem)
  if (head.pooler) stems.push(head.pooler.stem)
  return new Set(stems.filter((stem) => stem.startsWith(prefix)).map((stem) => stem.slice(prefix.length).split('.')[0]))
}

/**
 * The present name of a file's tensor, with the family's prefix; null for tensors that neither encoder nor classifier has.
 */
export function canonicalName(family: Family, name: string): string | null {
  const { prefix, ignored, renamed } = family
  if (ignored.test(name)) return null
  const full = encoderRoots(family).has(name.split('.')[0]) ? prefix + name : name
  if (!full.startsWith(prefix) && !isOfHead(family, full)) return null
  return renamed.reduce((current, [pattern, present]) => current.replace(pattern, present), full)
}
