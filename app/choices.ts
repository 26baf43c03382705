// What can be chosen on the page.

export const PRESET_NAMES = ['tiny', 'mini', 'minilm', 'bert-base']

export const VARIANTS = ['baseline', 'q8', 'q8+e8', 'sp80', 'sp80x4+q8+e8', 'nm2:4', 'svd:0.25', 'svd:0.25+q8+e8']

/** As in bench/shapes, at the few rows that a page can wait for. */
export const SHAPE_FILES: Record<string, string> = {
  'bert-tiny, 16 tokens': '16 128 128\n16 512 128\n16 128 512',
  'minilm, 32 tokens': '32 384 384\n32 1536 384\n32 384 1536',
  'bert-base, 16 tokens': '16 768 768\n16 3072 768\n16 768 3072',
}

/** Presets have random weights and no vocabulary: letters do, so that a text has about as many tokens as it has letters. */
export function stubVocabulary(): string {
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789.,!?\'"-']
  return ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...letters, ...letters.map((letter) => `##${letter}`)].join(
    '\n',
  )
}
