// One small addition of each kind, as CONTRIBUTING.md says how to make it. Imported by tests only.

import type { Addition } from './tree.ts'

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
  head: { dense: { stem: 'pre_classifier', activation: 'tanh' }, pooler: null, classifier: 'classifier' },
}
`,
  },
  edits: [
    {
      file: 'ts/families/index.ts',
      before: '  [bert.modelTypes, async () => bert],\n',
      text: "  [['lantern'], async () => (await import('./lantern.ts')).lantern],\n",
    },
  ],
}

/** A dense f32 layer that makes one row of four columns in each thread. */
export const shader: Addition = {
  files: {
    'shaders/dense-matmul.single.wgsl': `// dense-matmul, variant single.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], f32
// Contract   kernels/dense-matmul/contract.ts
// Layout     x rows padded to 16 with 0; W packed [columns/64][K][64], see kernels/dense-matmul/webgpu.ts
// Plan       1 row x 4 columns per thread, operands straight from memory
// Needs      nothing: no workgroup memory, no feature

// include lib/dense-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, inputStride / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>; // [columns / 64, K, 16]
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<uniform> dims: Dims;

// include lib/activate.wgsl

// include lib/store.wgsl

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let column = id.x * 4u;
  let row = id.y;
  if (column >= dims.columns || row >= shape.x) {
    return;
  }
  let x = inputsOf(row, column);
  var at = (column / 64u) * (dims.K * 16u) + (column % 64u) / 4u;
  var sum = vec4<f32>();
  for (var k = 0u; k < MOST; k++) {
    if (k >= dims.K / 4u) {
      break;
    }
    let a = input[x + k];
    sum += a.x * weight[at] + a.y * weight[at + 16u] + a.z * weight[at + 32u] + a.w * weight[at + 48u];
    at += 64u;
  }
  store(row, column, sum);
}
`,
  },
  edits: [
    {
      file: 'kernels/dense-matmul/variants.ts',
      before: "  {\n    op: 'dense-matmul',\n    id: 'row',\n    backend: 'webgpu',",
      text: `  {
    op: 'dense-matmul',
    id: 'single',
    backend: 'webgpu',
    shader: 'dense-matmul.single',
    tile: {},
    usesWorkgroupMemory: false,
    features: [],
    operands: 'panels',
    covers: { columns: 32, rows: 8 },
    proof: provesDense,
  },
`,
    },
    {
      file: 'kernels/dense-matmul/variants.ts',
      before: '  row: {\n    needs:',
      text: "  single: { needs: 'nothing', wins: 'nowhere: an example', status: 'teaching' },\n",
    },
  ],
}

/** A step that rounds the word table to multiples of 2^-B. */
export const step: Addition = {
  files: {
    'ts/recipe/steps/round.ts': `import { badNumber } from '../numbers.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

interface Round extends ParsedStep {
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
    { file: 'ts/cli/main.ts', instead: 'info, bench]', text: 'info, labels, bench]' },
  ],
}
