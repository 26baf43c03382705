// What is known of a model that the page ships: app/models/NAME/page.json.

/** Scores of one variant on the test texts. */
export interface VariantFacts {
  /** of model.safetensors as it would be written */
  bytes: number
  accuracy: number
  f1: number
  /** 95 % interval */
  f1Low: number
  f1High: number
}

export interface ModelFacts {
  /** what it reads, by language of the page */
  title: Record<string, string>
  /** its texts have several lines, as e-mails do: what is typed is one text unless the reader says otherwise */
  isOneText?: boolean
  /** texts to start from */
  examples: string[]
  /** what F1 was measured on, and on how many texts */
  test: string
  texts: number
  /** by variant (app/variants.ts); written by app/models/measure.ts */
  variants: Record<string, VariantFacts>
}
