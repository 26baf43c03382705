// `export-onnx`: the model as one .onnx file.

import type { Command } from '@commander-js/extra-typings'
import { examples } from '../examples.ts'
import { jsonOption, MODEL_HELP, seedOption } from '../values.ts'

const EXAMPLES = examples('compact-kernels export-onnx my-small --out my-small.onnx')

export const declare = (program: Command): void =>
  void program
    .command('export-onnx')
    .description('write the model as ONNX')
    .argument('<model>', MODEL_HELP)
    .requiredOption('--out <file>', 'the .onnx file')
    .addOption(seedOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(async (source, { out, seed, json }) => {
      const { loadModel } = await import('../../model/load.ts')
      const { exportOnnx } = await import('../../onnx/export.ts')
      const { weights } = await loadModel(source, { seed })
      const bytes = await exportOnnx(weights, out)
      process.stdout.write(json ? `${JSON.stringify({ out, bytes })}\n` : `${out}: ${(bytes / 1e6).toFixed(2)} MB\n`)
    })
