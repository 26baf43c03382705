// Why a model is not opened, for model types that people may try. Loaded when one is refused.

const DECODER = 'it is a decoder, whose tokens do not see those after them; encoders alone are computed here'
const ENCODER_DECODER = 'it is an encoder with a decoder; encoders alone are computed here'
const DISENTANGLED = 'its attention keeps content and positions apart, which is not computed here'

const REASONS: Record<string, string> = {
  deberta: DISENTANGLED,
  'deberta-v2': DISENTANGLED,
  modernbert: 'its rotary positions, local attention and gated layers are not computed here',
  nomic_bert: 'its rotary positions and gated layers are not computed here',
  'roberta-prelayernorm': 'it normalises before its layers, not after them, which is not computed here',
  'xlm-roberta-xl': 'it normalises before its layers, not after them, which is not computed here',
  xlm: 'its attention and heads are those of another architecture, which is not computed here',
  xlnet: 'its attention by permutations is not computed here',
  longformer: 'its attention by windows is not computed here',
  big_bird: 'its attention by blocks is not computed here',
  mobilebert: 'its bottlenecks between layers are not computed here',
  squeezebert: 'its grouped convolutions are not computed here',
  funnel: 'its pooling between layers is not computed here',
  gpt2: DECODER,
  gpt_neo: DECODER,
  gpt_neox: DECODER,
  llama: DECODER,
  mistral: DECODER,
  gemma: DECODER,
  phi: DECODER,
  qwen2: DECODER,
  opt: DECODER,
  bloom: DECODER,
  t5: ENCODER_DECODER,
  mt5: ENCODER_DECODER,
  bart: ENCODER_DECODER,
  mbart: ENCODER_DECODER,
}

/** A sentence about a model type that this library does not open. */
export const whyRefused = (modelType: unknown): string =>
  (typeof modelType === 'string' && Object.hasOwn(REASONS, modelType) ? REASONS[modelType] : null) ??
  'other architectures are not computed here'
