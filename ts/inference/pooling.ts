export const POOLINGS = ['none', 'mean', 'cls', 'max'] as const
/** 'mean', 'cls' (the first token) or 'max' of every channel: one vector a text; 'none': one a token */
export type Pooling = (typeof POOLINGS)[number]

/** How an embedder makes one vector of a text's rows. */
export interface PoolingRule {
  pooling: Exclude<Pooling, 'none'>
  /** divided by its L2 norm */
  normalize: boolean
}
