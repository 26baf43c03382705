// How texts are prepared before the tokenizer sees them, as config.json records it. prepare.ts does it; nothing of it is
// loaded here, so that reading a config stays light.

/** What may be done to a text; prepare.ts says what each step does. */
export const PREPARATION_STEPS = ['normalise', 'stopwords', 'stem'] as const
/** 'auto' chooses for each text by the script of its letters */
export const PREPARATION_LANGUAGES = ['auto', 'ru', 'en'] as const

export interface TextPreparation {
  steps: (typeof PREPARATION_STEPS)[number][]
  language: (typeof PREPARATION_LANGUAGES)[number]
}
