// What the training texts send into each linear layer. Whitened factors, Wanda scores, static scales and exact output
// errors are all made of it: with G = sum x x^T, the squared output error of W' in place of W is tr((W - W') G (W - W')^T).

/** Sums over the rows x [K] that enter one linear layer. */
export interface InputSums {
  K: number
  /** rows summed: tokens, or texts where the layer sees one row per text */
  rows: number
  /** sum of x x^T, f64 [K, K] */
  gram: Float64Array
  /** sum of x, f64 [K] */
  sum: Float64Array
  /** largest |x| per input, f32 [K] */
  largest: Float32Array
}

/** By Hugging Face tensor stem; query, key and value share one object, since they see the same rows. */
export type Calibration = Map<string, InputSums>
