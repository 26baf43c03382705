// The names of a family's tensors, put together from its file.

import type { Family, HeadLayer, LayerLinear } from './family.ts'

export const linearStem = (family: Family, layer: number, role: LayerLinear): string =>
  `${family.tensors.layer(layer)}.${family.tensors.linears[role]}`

export const normStem = (family: Family, layer: number, norm: 'attention' | 'output'): string =>
  `${family.tensors.layer(layer)}.${family.tensors.norms[norm]}`

/** The dense layer on the first token's row that a model has; null where it can have none. */
export const poolerOf = (family: Family, hasClassifier: boolean): HeadLayer | null =>
  hasClassifier ? family.head.dense : family.head.pooler

const isUnder = (stem: string, name: string): boolean => name.startsWith(`${stem}.`)

/** That a tensor belongs to the pooler or the classifier, whether the model at hand uses it or not. */
export const isOfHead = ({ head }: Family, name: string): boolean =>
  [head.dense.stem, head.pooler?.stem, head.classifier].some((stem) => stem !== undefined && isUnder(stem, name))

/** The first part of each name that the encoder has behind its prefix: `embeddings`, `encoder`, `pooler`. */
function encoderRoots({ prefix, tensors, head }: Family): Set<string> {
  const stems = [tensors.word, tensors.position, tensors.embeddingNorm, tensors.layer(0), head.dense.stem]
  if (tensors.type !== null) stems.push(tensors.type)
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
