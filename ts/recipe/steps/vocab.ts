import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Vocab extends ParsedStep {
  kind: 'vocab'
  /** tokens that stay; of shapes alone, where texts decide otherwise */
  size?: number
}

const sizeIn = (text: string): string | undefined => /^vocab:(\d+)$/.exec(text)?.[1]

export const vocab: RecipeStep<Vocab> = {
  kind: 'vocab',
  syntax: [['vocab', 'keep only the tokens that the texts use']],
  parse: (text) => {
    if (sizeIn(text) !== undefined)
      throw new Error(
        `recipe: step '${text}': found a size, expected vocab alone: the texts decide which tokens stay (--data FILE); only inspect, which has no texts, takes a size`,
      )
    return text === 'vocab' ? { kind: 'vocab' } : null
  },
  parseOfShape: (text) => {
    const size = sizeIn(text)
    return size === undefined ? null : { kind: 'vocab', size: Number(size) }
  },
  leaves: 'vocabulary',
  cannotFollow: {},
  stage: 'vocabulary',
  texts: () => ({ tokens: 'needed' }),
  changesInputs: false,
  apply: async (model, _, context) => {
    const { pruneVocabulary } = await import('../../compress/vocabulary.ts')
    return context.once(() => pruneVocabulary(model, context))
  },
  reshape: (shape, { size }) => {
    if (!size)
      throw new Error(
        "vocab: the size depends on the texts; to tell it without them give the tokens, e.g. 'vocab:24000'",
      )
    shape.word.rows = Math.min(size, shape.word.rows)
    shape.config = { ...shape.config, vocabSize: shape.word.rows }
    return shape
  },
  grow: null,
  ranks: null,
}
