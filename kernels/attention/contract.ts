import type { Contract } from '../program/contract.ts'

export const ATTENTION: Contract = {
  op: 'attention',
  formula:
    'per sequence and head: y[T,D] = softmax(Q[T,D] K[T,D]^T / sqrt(D) + bias) V[T,D], bias[i,j] = distanceBias[h, j - i + P - 1]',
  operands: {
    'query, key, value': 'f32 [M, H D]; may be one buffer',
    offsets: 'i32 [B + 1]; no padding: a token sees the tokens of its own sequence',
    distanceBias:
      'f32 [H, 2 P - 1] or none; by the distance from the query to the key, for sequences of up to P tokens',
    y: 'f32 [M, H D]; another buffer than the inputs',
  },
  requires: ['1 <= T <= 512', 'H >= 1, D >= 1', 'T <= P where there is a distance bias'],
  promises: [
    'every element of y is written (WebAssembly: first rows of sequences alone where no op reads others), nothing else',
    'the largest score is subtracted first: no overflow',
    'what i16 gives for a sequence does not depend on the others of its batch',
  ],
  range:
    'scores are sums of D products and the bias: |error| <= (D + 6) 2^-24 (sum |q||k| / sqrt(D) + |bias|); ' +
    'a score error of e makes weights off by a factor exp(2 e); exp itself by 4e-7. i16 rounds, per sequence and head, ' +
    'Q and K to integers of at most min(32767, sqrt(2^31 / D)), V to 511 (four times finer than int8) and weights, the ' +
    'largest of a query being the top, to the highest power of 2 below 2^15 and 2^31 / (511 T): sums of D and of T products fit i32. With a bias scores are f32',
}
