// One small addition of each kind, as CONTRIBUTING.md says how to make it. Imported by tests only.

import { readFileSync } from 'node:fs'
import type { Addition } from './tree.ts'

const DIRECT = readFileSync(new URL('../../shaders/dense-matmul.direct.wgsl', import.meta.url), 'utf8')

/** Encoders whose tensors have names of their own and that have no token types. */
export const family: Addition = {
  files: {
    'ts/families/lantern.ts': `// An encoder that differs from BERT in its names.
import { bert } from './bert.ts'
import type { Family } from './family.ts'

export const lantern: Family = {
  ...bert,
  modelTypes: ['lantern'],
  classPrefix: 'Lantern',
  prefix: 'lantern.',
  tensors: {
    word: 'lantern.words',
    position: 'lantern.positions',
    type: null,
    embeddingNorm: 'lantern.norm',
    layer: (index) => \`lantern.layer.\${index}\`,
    linears: { query: 'q', key: 'k', value: 'v', attentionOutput: 'o', intermediate: 'up', output: 'down' },
    norms: { attention: 'norm1', output: 'norm2' },
  },
  head: {
    dense: { stem: 'pre_classifier', activation: 'tanh' },
    pooler: null,
    classifier: 'classifier',
    tokenClassifier: 'classifier',
  },
}
`,
  },
  edits: [
    {
      file: 'ts/families/index.ts',
      before: "  ['distilbert', async",
      text: "  ['lantern', async () => (await import('./lantern.ts')).lantern],\n",
    },
  ],
}

/** A copy of a shader that is there, as a variant that is preferred to all others. */
export const shader: Addition = {
  files: { 'shaders/dense-matmul.copy.wgsl': DIRECT.replace('variant direct', 'variant copy') },
  edits: [
    {
      file: 'kernels/dense-matmul/variants.ts',
      before: "  {\n    op: 'dense-matmul',\n    id: 'row',\n    backend: 'webgpu',",
      text: `  {
    op: 'dense-matmul',
    id: 'copy',
    backend: 'webgpu',
    shader: 'dense-matmul.copy',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'panels',
    covers: { columns: 32, rows: 32 },
    proof: provesDense,
  },
`,
    },
    {
      file: 'kernels/dense-matmul/variants.ts',
      before: '  row: {\n    needs:',
      text: "  copy: { needs: 'nothing', wins: 'nowhere: an example', status: 'teaching' },\n",
    },
  ],
}

/** A step that rounds the word table to multiples of 2^-B. */
export const step: Addition = {
  files: {
    'ts/recipe/steps/round.ts': `import { badNumber } from '../numbers.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Round extends ParsedStep {
  kind: 'round'
  bits: number
}

export const round: RecipeStep<Round> = {
  kind: 'round',
  syntax: [['round<B>', 'word embeddings rounded to multiples of 2^-B, e.g. round6']],
  parse: (text) => {
    const match = /^round(\\d+)$/.exec(text)
    if (!match) return null
    const bits = Number(match[1])
    if (bits > 20) throw badNumber(text, \`\${bits} bits\`, 'at most 20')
    return { kind: 'round', bits }
  },
  parseOfShape: null,
  leaves: 'vocabulary',
  cannotFollow: { 'int8 words': 'int8 words are rounded already: put it before e8' },
  stage: 'store',
  texts: () => ({}),
  changesInputs: false,
  apply: (model, { bits }, { once }) =>
    once(() => {
      const { word } = model.embeddings
      if (word.kind !== 'f32') throw new Error('round: expected a word table in f32')
      const data = word.data.map((x) => Math.round(x * 2 ** bits) / 2 ** bits)
      return { model: { ...model, embeddings: { ...model.embeddings, word: { ...word, data } } }, notes: [] }
    }),
  reshape: (shape) => shape,
  grow: null,
  ranks: null,
}
`,
  },
  edits: [
    {
      file: 'ts/recipe/steps/index.ts',
      before: "import { sparse } from './sparse.ts'",
      text: "import { round } from './round.ts'\n",
    },
    { file: 'ts/recipe/steps/index.ts', before: '  sparse,\n', text: '  round,\n' },
  ],
}

/** An option of a verb that is there. */
export const option: Addition = {
  files: {},
  edits: [
    {
      file: 'ts/cli/verbs/inspect.ts',
      before: "    .option('--study'",
      text: "    .option('--largest <n>', 'of the groups, the n largest', Number)\n",
    },
    {
      file: 'ts/cli/verbs/inspect.ts',
      before: '  process.stdout.write(flags.json ? `${JSON.stringify(ledger)}',
      text: '  if (flags.largest !== undefined)\n    ledger.groups = ledger.groups.toSorted((a, b) => b.bytes - a.bytes).slice(0, flags.largest)\n',
    },
  ],
}

/** A verb. */
export const verb: Addition = {
  files: {
    'ts/cli/verbs/labels.ts': `// \`labels\`: the classes of a model.

import type { Command } from '@commander-js/extra-typings'
import { MODEL_HELP } from '../values.ts'

export const declare = (program: Command): void =>
  void program
    .command('labels')
    .description('the classes of a model')
    .argument('<model>', MODEL_HELP)
    .action(async (source) => {
      const { openModel } = await import('../../model/load.ts')
      const { weights, close } = await openModel(source)
      await close()
      process.stdout.write(\`\${weights.config.labels.join('\\n')}\\n\`)
    })
`,
  },
  edits: [
    { file: 'ts/cli/main.ts', before: 'import * as study from', text: "import * as labels from './verbs/labels.ts'\n" },
    { file: 'ts/cli/main.ts', instead: 'verify, bench]', text: 'verify, labels, bench]' },
  ],
}

/** A tile of dense f32 layers on WebAssembly: four rows of sixteen columns. */
export const tile: Addition = {
  files: {
    'assembly/lib/tile-f32-4x16.ts': `// f32 micro-kernel: sums[rows][16] (+)= A[rows,K] . B[K,16], rows = 1..4.
// Layout   A row-major with a stride in bytes; B one packed panel [K][16]; sums [rows][16]
// Plan     4x16: 16 sums + 4 of B + 1 splat of A, more than the 15 registers that V8 gives; other rows one at a time

import { madd } from './simd'

export function tile_f32_1x16(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  const zero = f32x4.splat(0.0)
  let c0 = zero, c1 = zero, c2 = zero, c3 = zero
  if (continues) { c0 = v128.load(sums); c1 = v128.load(sums, 16); c2 = v128.load(sums, 32); c3 = v128.load(sums, 48) }
  const end = b + <usize>K * 64
  while (b != end) {
    const s = v128.load32_splat(a)
    c0 = madd(s, v128.load(b), c0); c1 = madd(s, v128.load(b, 16), c1)
    c2 = madd(s, v128.load(b, 32), c2); c3 = madd(s, v128.load(b, 48), c3)
    a += 4
    b += 64
  }
  v128.store(sums, c0); v128.store(sums, c1, 16); v128.store(sums, c2, 32); v128.store(sums, c3, 48)
}

export function tile_f32_4x16(a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  let a1 = a + aStride, a2 = a1 + aStride, a3 = a2 + aStride
  const zero = f32x4.splat(0.0)
  let c00 = zero, c01 = zero, c02 = zero, c03 = zero
  let c10 = zero, c11 = zero, c12 = zero, c13 = zero
  let c20 = zero, c21 = zero, c22 = zero, c23 = zero
  let c30 = zero, c31 = zero, c32 = zero, c33 = zero
  if (continues) {
    c00 = v128.load(sums, 0); c01 = v128.load(sums, 16); c02 = v128.load(sums, 32); c03 = v128.load(sums, 48)
    c10 = v128.load(sums, 64); c11 = v128.load(sums, 80); c12 = v128.load(sums, 96); c13 = v128.load(sums, 112)
    c20 = v128.load(sums, 128); c21 = v128.load(sums, 144); c22 = v128.load(sums, 160); c23 = v128.load(sums, 176)
    c30 = v128.load(sums, 192); c31 = v128.load(sums, 208); c32 = v128.load(sums, 224); c33 = v128.load(sums, 240)
  }
  const end = b + <usize>K * 64
  while (b != end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48)
    let s = v128.load32_splat(a); a += 4
    c00 = madd(s, b0, c00); c01 = madd(s, b1, c01); c02 = madd(s, b2, c02); c03 = madd(s, b3, c03)
    s = v128.load32_splat(a1); a1 += 4
    c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); c12 = madd(s, b2, c12); c13 = madd(s, b3, c13)
    s = v128.load32_splat(a2); a2 += 4
    c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); c22 = madd(s, b2, c22); c23 = madd(s, b3, c23)
    s = v128.load32_splat(a3); a3 += 4
    c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); c32 = madd(s, b2, c32); c33 = madd(s, b3, c33)
    b += 64
  }
  v128.store(sums, c00, 0); v128.store(sums, c01, 16); v128.store(sums, c02, 32); v128.store(sums, c03, 48)
  v128.store(sums, c10, 64); v128.store(sums, c11, 80); v128.store(sums, c12, 96); v128.store(sums, c13, 112)
  v128.store(sums, c20, 128); v128.store(sums, c21, 144); v128.store(sums, c22, 160); v128.store(sums, c23, 176)
  v128.store(sums, c30, 192); v128.store(sums, c31, 208); v128.store(sums, c32, 224); v128.store(sums, c33, 240)
}

// @ts-ignore: decorator
@inline
export function tileF32Rows4(rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool): void {
  if (rows == 4) {
    tile_f32_4x16(a, aStride, b, K, sums, continues)
    return
  }
  for (let row = 0; row < rows; row++) {
    tile_f32_1x16(a, aStride, b, K, sums, continues)
    a += aStride
    sums += 64
  }
}
`,
  },
  edits: [
    {
      file: 'kernels/dense-matmul/variants.ts',
      before: "  {\n    op: 'dense-matmul',\n    backend: 'wasm',\n    id: 'f32/6x8',",
      text: `  {
    op: 'dense-matmul',
    backend: 'wasm',
    id: 'f32/4x16',
    source: 'tile-f32-4x16',
    run: 'tileF32Rows4',
    exports: ['tile_f32_1x16', 'tile_f32_4x16'],
    tile: { rows: 4, columns: 16, unrolled: 1 },
    proof: 'dense-matmul',
    shownAs: { key: 'dense-matmul', text: (engine) => f32Text('f32 4x16', engine) },
  },
`,
    },
    {
      file: 'kernels/dense-matmul/variants.ts',
      before: "  'f32/6x8': {\n    needs:",
      text: "  'f32/4x16': { needs: 'SIMD', wins: 'nowhere: an example', status: 'teaching' },\n",
    },
  ],
}
