// Multinomial naive Bayes on words and pairs of neighbouring words: the floor that a model with attention must pass.

import type { LabelledText } from '../data/examples.ts'

export interface NaiveBayes {
  /** The most likely class; the lower one where two are equally likely. */
  classify(text: string): number
}

const WORD = /[\p{L}\p{N}]+/gu

function* grams(text: string): Generator<string> {
  let before = '^'
  for (const [word] of text.toLowerCase().matchAll(WORD)) {
    yield word
    yield `${before} ${word}`
    before = word
  }
}

/**
 * Counts the words and word pairs of each class, one added to each count (Laplace).
 * @param classes number of classes; labels lie in [0, classes)
 * @throws where there is no example
 */
export function trainNaiveBayes(examples: LabelledText[], classes: number): NaiveBayes {
  if (examples.length === 0) throw new Error('naive Bayes: no examples; expected at least one')
  const counts = new Map<string, Float64Array>()
  const totals = new Float64Array(classes)
  const sizes = new Float64Array(classes)
  for (const { text, label } of examples) {
    sizes[label]++
    for (const gram of grams(text)) {
      let row = counts.get(gram)
      if (!row) counts.set(gram, (row = new Float64Array(classes)))
      row[label]++
      totals[label]++
    }
  }
  return {
    classify(text) {
      const logs = Float64Array.from(sizes, (size) => Math.log((size + 1) / (examples.length + classes)))
      for (const gram of grams(text)) {
        const row = counts.get(gram)
        if (row) for (let c = 0; c < classes; c++) logs[c] += Math.log((row[c] + 1) / (totals[c] + counts.size))
      }
      return logs.indexOf(Math.max(...logs))
    },
  }
}
