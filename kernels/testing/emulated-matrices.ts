// The matrix kernels in words that every adapter understands, so that its indices, its epilogue and its variants can be tested
// where no matrix unit is at hand. What is left to the real adapter is what its own loads do, which the self-test
// at start proves there.

import { SHADERS, type ShaderName } from '../generated/shaders.ts'
import { MATRIX_SHAPES, withMatrixShape, type MatrixShape } from '../webgpu/matrix-shape.ts'
import { replaceEach, type Replacement } from './replace.ts'

const fourProducts = (input: string): string => `dot4I8Packed(u32(${input}[x + k]), u32(weight[y + k]))`

/** Of both emulations what is replaced by `wrong`: the first four products of the first column are off by one. */
export const PRODUCTS = { right: 'products += dot4', wrong: 'products += select(0, 1, y + k == 0u) + dot4' }

/**
 * One thread does the work of a subgroup. A matrix is its place (offset, stride), both multiples of four bytes, a sum the number
 * of 256 i32.
 */
const emulation = (input: string): string => `
alias Place = vec2<u32>;
var<private> sums: array<i32, 2048>;
fn place(offset: u32, stride: u32) -> Place { return Place(offset, stride); }
fn multiply(a: Place, w: Place, sum: u32) -> u32 {
  for (var row = 0u; row < 16u; row++) {
    let x = (a.x + row * a.y) / 4u;
    for (var column = 0u; column < 16u; column++) {
      let y = (w.x + column * w.y) / 4u;
      var products = 0;
      for (var k = 0u; k < 8u; k++) {
        products += ${fourProducts(input)};
      }
      sums[sum * 256u + row * 16u + column] += products;
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

/** The same for the kernel that is written for several shapes, its sums by number. */
const emulationOf = ({ rows, columns, inputs, lanes }: MatrixShape): string => `
alias Place = vec2<u32>;
var<private> sums: array<i32, ${lanes * 64}>;
fn place(offset: u32, stride: u32) -> Place { return Place(offset, stride); }
fn multiply(a: Place, w: Place, sum: u32) {
  for (var row = 0u; row < ${rows}u; row++) {
    let x = (a.x + row * a.y) / 4u;
    for (var column = 0u; column < ${columns}u; column++) {
      let y = (w.x + column * w.y) / 4u;
      var products = 0;
      for (var k = 0u; k < ${inputs / 4}u; k++) {
        products += ${fourProducts('input')};
      }
      sums[sum * ${rows * columns}u + row * ${columns}u + column] += products;
    }
  }
}
fn storeSum(offset: u32, sum: u32, stride: u32) {
  for (var i = 0u; i < ${rows * columns}u; i++) {
    staged[offset + i / ${columns}u * stride + i % ${columns}u] = sums[sum * ${rows * columns}u + i];
  }
}
`

const SHAPED: Replacement[] = [
  [/^enable .*\n/gm, '', 3],
  [/^alias .*\n/gm, '', 3],
  [/@subgroup_size\(\d+\) /g, '', 1],
  [/const LANES = \d+u;/g, 'const LANES = 1u;', 1],
  [/@builtin\(subgroup_id\) subgroup: u32,\n\) \{/g, ') {\nlet subgroup = index;', 1],
  [/var sums: array<Sum,DOWN\*ACROSS>;\n/g, '', 1],
  [/array<A,DOWN>/g, 'array<Place, DOWN>', 1],
  [/subgroupMatrixLoad<A,row_major>\(&input,/g, 'place(', 1],
  [/subgroupMatrixLoad<W,col_major>\(&weight,/g, 'place(', 1],
  [/sums\[(.*?)\] = subgroupMatrixMultiplyAccumulate\(x\[r\],w,sums\[\1\]\)/g, 'multiply(x[r], w, $1)', 1],
  [/subgroupMatrixStore<row_major>\(&staged,(.*),sums\[(.*)\],32u\)/g, 'storeSum($1, $2, 32u)', 1],
]

const REPLACEMENTS: Replacement[] = [
  [/^enable .*\n/gm, '', 2],
  [/^alias .*\n/gm, '', 3],
  [/const LANES = 32u;/g, 'const LANES = 1u;', 1],
  [/@builtin\(subgroup_id\) subgroup: u32,\n\) \{/g, ') {\nlet subgroup = index;', 1],
  [/subgroupMatrixLoad<A,row_major>\(&quantized,/g, 'place(', 2],
  [/subgroupMatrixLoad<W,col_major>\(&weight,/g, 'place(', 4],
  [/subgroupMatrixMultiplyAccumulate\(/g, 'multiply(', 8],
  [/subgroupMatrixStore<row_major>\(&staged,/g, 'storeSum(', 8],
]

/** Of a whole-row kernel: a subgroup's reductions, over its one thread. */
const REDUCTIONS = /subgroup(Add|Max)\(/g

/** Throws where the kernel holds something that this does not emulate. */
export function emulatedMatrixShader(shape = MATRIX_SHAPES[0]): string {
  const code = replaceEach(withMatrixShape(SHADERS['int8-matmul.matrix'], shape), SHAPED, 'emulated matrices')
  if (/subgroupM|subgroup_|subgroupA/.test(code)) throw new Error('emulated matrices: the kernel has changed')
  return code + emulationOf(shape)
}

function emulatedWholeRowShader(): string {
  const name: ShaderName = 'int8-matmul.whole-row-matrix'
  let code = replaceEach(SHADERS[name], REPLACEMENTS, 'emulated matrices')
  let sums = 0
  code = code.replace(/= Sum\(\);/g, () => `= zeroSum(${sums++}u);`).replace(REDUCTIONS, '(')
  if (sums !== 8 || /subgroupM|subgroup_|subgroupA/.test(code))
    throw new Error('emulated matrices: the kernel has changed')
  return code + emulation('quantized')
}

/** Sources of a device whose matrices are emulated. */
export const emulatedSources = (): Partial<Record<ShaderName, string>> => ({
  'int8-matmul.matrix': emulatedMatrixShader(),
  'int8-matmul.whole-row-matrix': emulatedWholeRowShader(),
})
