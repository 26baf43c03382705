// The matrix kernel in words that every adapter understands, so that its indices, its epilogue and its variants can be tested
// where no matrix unit is at hand. What is left to the real adapter is what its own loads do, which the self-test
// at start proves there.

import { SHADERS, type ShaderName } from '../generated/shaders.ts'
import { replaceEach, type Replacement } from './replace.ts'

/** One thread does the work of a subgroup. A matrix is its place (offset, stride), a sum the number of 256 i32. */
const emulation = (input: string): string => `
alias Place = vec2<u32>;
var<private> sums: array<i32, 2048>;
fn place(offset: u32, stride: u32) -> Place { return Place(offset, stride); }
fn byteOf(word: i32, at: u32) -> i32 { return extractBits(word, at % 4u * 8u, 8u); }
fn multiply(a: Place, w: Place, sum: u32) -> u32 {
  for (var row = 0u; row < 16u; row++) {
    for (var column = 0u; column < 16u; column++) {
      for (var k = 0u; k < 32u; k++) {
        let x = a.x + row * a.y + k;
        let y = w.x + column * w.y + k;
        sums[sum * 256u + row * 16u + column] += byteOf(${input}[x / 4u], x) * byteOf(weight[y / 4u], y);
      }
    }
  }
  return sum;
}
fn zeroSum(sum: u32) -> u32 {
  for (var i = 0u; i < 256u; i++) {
    sums[sum * 256u + i] = 0;
  }
  return sum;
}
fn storeSum(offset: u32, sum: u32, stride: u32) {
  for (var i = 0u; i < 256u; i++) {
    staged[offset + i / 16u * stride + i % 16u] = sums[sum * 256u + i];
  }
}
`

const REPLACEMENTS: Replacement[] = [
  [/^enable .*\n/gm, '', 2],
  [/^alias .*\n/gm, '', 3],
  [/const LANES = 32u;/g, 'const LANES = 1u;', 1],
  [/@builtin\(subgroup_id\) subgroup: u32,\n\) \{/g, ') {\nlet subgroup = index;', 1],
  [/subgroupMatrixLoad<A, row_major>\(&(input|quantized), /g, 'place(', 2],
  [/subgroupMatrixLoad<W, col_major>\(&weight, /g, 'place(', 4],
  [/subgroupMatrixMultiplyAccumulate\(/g, 'multiply(', 8],
  [/subgroupMatrixStore<row_major>\(&staged, /g, 'storeSum(', 8],
]

/** Of a whole-row kernel: a subgroup's reductions, over its one thread. */
const REDUCTIONS = /subgroup(Add|Max)\(/g

type MatrixShader = Extract<ShaderName, `${string}matrix`>

/** Throws where the kernel holds something that this does not emulate. */
export function emulatedMatrixShader(name: MatrixShader = 'int8-matmul.matrix'): string {
  const input = /subgroupMatrixLoad<A, row_major>\(&(\w+)/.exec(SHADERS[name])?.[1] ?? ''
  let code = replaceEach(SHADERS[name], REPLACEMENTS, 'emulated matrices')
  let sums = 0
  code = code.replace(/= Sum\(\);/g, () => `= zeroSum(${sums++}u);`).replace(REDUCTIONS, '(')
  if (sums !== 8 || /subgroupM|subgroup_|subgroupA/.test(code))
    throw new Error('emulated matrices: the kernel has changed')
  return code + emulation(input)
}

/** Sources of a device whose matrices are emulated. */
export const emulatedSources = (): Partial<Record<ShaderName, string>> => ({
  'int8-matmul.matrix': emulatedMatrixShader(),
  'int8-matmul.whole-row-matrix': emulatedMatrixShader('int8-matmul.whole-row-matrix'),
})
