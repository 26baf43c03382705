// Where the records of a step find what they touch.

/** Where a step finds its memory; f32 unless said otherwise. */
export interface StepMemory {
  /** vectors of the layout's length */
  parameters: number
  gradients: number
  firstMoments: number
  secondMoments: number
  /** tables [words, C] */
  words: number
  wordFirstMoments: number
  wordSecondMoments: number
  /** address of the activation or gradient of that name, of at least that many elements */
  region(name: string, elements: number): number
  /** of the batch, i32: [B + 1], then [M] each; slots: row of the touched words, places: position in the sequence */
  offsets: number
  ids: number
  kinds: number
  places: number
  slots: number
  /** i32 [2 * positions - 1]: DistanceShape.rowOf; 0 where the model has none */
  distanceRows: number
  /** i32 [touched]: ids of the touched rows of the word table */
  touched: number
}
