import { applyRecipe, parseRecipe } from '../compress/recipe.ts'
import { loadModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'
import { tokenizerOf, vocabularyOf, withVocabulary } from '../study/classifier.ts'
import { encodeTexts } from '../study/evaluate.ts'
import { loadRows } from '../study/rows.ts'
import { UsageError } from './failure.ts'
import { createProgress } from './progress.ts'

interface CompressFlags {
  recipe: string
  out: string
  data?: string
  text?: string
  label?: string
  seed: number
  json?: boolean
}

/** Applies a recipe to a model and writes the folder. */
export async function compressCommand(source: string, flags: CompressFlags): Promise<void> {
  const reporter = createProgress()
  const steps = parseRecipe(flags.recipe)
  if (steps.length === 0) throw new UsageError('--recipe is empty; give steps such as q8+e8')
  const needsTexts = steps.some(({ kind }) => kind === 'vocab')
  if (needsTexts && !flags.data)
    throw new UsageError('the step vocab keeps the tokens of texts: give them with --data FILE')
  reporter.stage(`opening ${source}`)
  const loaded = await loadModel(source, {
    seed: flags.seed,
    progress: ({ loaded: done, total }) => done && total && reporter.progress(done, total),
  })
  reporter.done()
  let files = loaded.tokenizerFiles
  let vocabulary: { vocabulary: string[]; keepIds: Set<number> } | undefined
  if (needsTexts) {
    const tokenizer = tokenizerOf(loaded)
    const { rows } = await loadRows(flags.data!, {
      text: flags.text,
      label: flags.label,
      seed: flags.seed,
      part: 'train',
    })
    const { ids } = encodeTexts(
      tokenizer,
      rows.map(({ text }) => text),
      loaded.weights.config.maxPositions,
    )
    vocabulary = { vocabulary: vocabularyOf(tokenizer), keepIds: new Set(ids.flatMap((sequence) => [...sequence])) }
  }
  reporter.stage(flags.recipe)
  const result = await applyRecipe(loaded.weights, steps, {
    seed: flags.seed,
    ...vocabulary,
    progress: (step, done, total) => reporter.progress(done, total, undefined, step),
  })
  reporter.done()
  if (result.vocabulary) files = withVocabulary(files, result.vocabulary, loaded.weights.config.lowercase)
  const written = await saveModel(result.model, flags.out, { files })
  const bytes = written['model.safetensors']
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ out: flags.out, recipe: flags.recipe, bytes, notes: result.notes })}\n`)
    return
  }
  for (const note of result.notes) process.stdout.write(`  ${note}\n`)
  const before = loaded.fileBytes ? `, was ${(loaded.fileBytes / 1e6).toFixed(2)} MB` : ''
  process.stdout.write(`${flags.out}: ${(bytes / 1e6).toFixed(2)} MB${before}\n`)
}
