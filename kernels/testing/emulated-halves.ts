// The f16 kernel in f32, rounded to halves wherever f16 would be: for adapters without shader-f16, so that its indices, its
// runs and its error can be tested there. What is left to the real adapter is its own arithmetic, which the self-test at
// start proves there.

import { finish, HALF_RUN, type Referenced } from '../dense-matmul/reference.ts'
import { SHADERS } from '../generated/shaders.ts'
import { sumBound } from '../program/contract.ts'
import { roundToHalf } from '../webgpu/half.ts'
import type { Program } from '../program/program.ts'
import { replaceEach, type Replacement } from './replace.ts'

/** Rounds to halves, ties to even; magnitudes below the least normal half go to 0 or to it, as on adapters that flush. */
const EMULATION = `
fn rounded(x: vec4<f32>) -> vec4<f32> {
  let bits = bitcast<vec4<u32>>(x);
  let magnitude = bits & vec4(0x7fffffffu);
  let nearest = (magnitude + vec4(0xfffu) + ((magnitude >> vec4(13u)) & vec4(1u))) & vec4(0xffffe000u);
  let least = select(vec4(0u), vec4(0x38800000u), magnitude > vec4(0x38000000u));
  return bitcast<vec4<f32>>((bits & vec4(0x80000000u)) | select(nearest, least, magnitude < vec4(0x38800000u)));
}
fn halves(words: vec2<u32>) -> vec4<f32> {
  return vec4(unpack2x16float(words.x), unpack2x16float(words.y));
}
`

/** Adapters may fuse the product and the sum of an f16 fma, or round both. */
export type Rounding = 'fused' | 'separate'

const FMA: Record<Rounding, string> = {
  fused: 'rounded(fma(vec4($1), $2, $3))',
  separate: 'rounded(rounded(vec4($1) * $2) + $3)',
}

/** Throws where the kernel holds something that this does not emulate. */
export function emulatedHalfShader(rounding: Rounding): string {
  const replacements: Replacement[] = [
    [/^enable f16;\n/gm, '', 1],
    [/^alias Halves = vec4<f16>;/gm, 'alias Halves = vec4<f32>;', 1],
    [/weight: array<Halves>;/g, 'weight: array<vec2<u32>>;', 1],
    [/= weight\[([^\]]+)\];/g, '= halves(weight[$1]);', 1],
    [/= Halves\((input\[[^\]]+\])\);/g, '= rounded($1);', 1],
    [/fma\(Halves\((x\.[xyzw])\),(w\d),(part\d?)\)/g, FMA[rounding], 4],
    // sums that begin, and those that end in f32
    [/= Halves\(\);/g, '= vec4<f32>();', 16],
    [/\+=vec4<f32>\((part\d)\);/g, '+= $1;', 8],
  ]
  const code = replaceEach(SHADERS['dense-matmul.half'], replacements, 'emulated halves')
  if (/f16|Halves\(/.test(code)) throw new Error('emulated halves: the kernel has changed')
  return code + EMULATION
}

/**
 * What the kernel gives for one layer without residual whose weights are halves, in float64 but for its roundings to halves;
 * the bounds are for what it does in f32. A product of two halves is exact in f32, so fusing is one rounding to f32 and one on.
 */
export function halfProductsReference({ ops: [op] }: Program, rows: Float32Array, rounding: Rounding): Referenced {
  if (op.kind !== 'linear' || op.weight.kind !== 'f32' || op.residual !== null)
    throw new Error('emulated halves: not one dense layer without residual')
  const { N, K, data } = op.weight
  const x = roundToHalf(rows)
  const values = new Float64Array((rows.length / K) * N)
  const bounds = new Float64Array(values.length)
  for (let at = 0, row = 0; at < values.length; at += N, row += K) {
    const sums = new Float64Array(N)
    const magnitudes = new Float64Array(N)
    let run: Float32Array = new Float32Array(N)
    for (let k = 0; k < K; k++) {
      const products = new Float32Array(N).map((_, n) => x[row + k] * data[n * K + k])
      const added = rounding === 'fused' ? products : roundToHalf(products)
      run = roundToHalf(run.map((part, n) => part + added[n]))
      if ((k + 1) % HALF_RUN > 0 && k + 1 < K) continue
      run.forEach((part, n) => {
        sums[n] += part
        magnitudes[n] += Math.abs(part)
      })
      run.fill(0)
    }
    for (let n = 0; n < N; n++)
      finish(values, bounds, at + n, n, sums[n], sumBound(Math.ceil(K / HALF_RUN), magnitudes[n]), {
        bias: op.bias,
        activation: op.activation,
        residual: null,
      })
  }
  return { values, bounds }
}
