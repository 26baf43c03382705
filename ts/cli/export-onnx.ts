import { loadModel } from '../model/load.ts'
import { exportOnnx } from '../onnx/export.ts'

/** Writes the model as one .onnx file. */
export async function exportCommand(
  source: string,
  flags: { out: string; seed: number; json?: boolean },
): Promise<void> {
  const { weights } = await loadModel(source, { seed: flags.seed })
  const bytes = await exportOnnx(weights, flags.out)
  process.stdout.write(
    flags.json ? `${JSON.stringify({ out: flags.out, bytes })}\n` : `${flags.out}: ${(bytes / 1e6).toFixed(2)} MB\n`,
  )
}
