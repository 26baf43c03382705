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
  readme: [['\`round6\`', 'word embeddings rounded to multiples of 1/64', '']],
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
