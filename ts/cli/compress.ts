import { applyRecipe, parseRecipe } from '../compress/recipe.ts'
import { loadModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'
import { withVocabulary } from '../study/classifier.ts'
import { recipeTexts } from './compress-texts.ts'
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
  reporter.stage(`opening ${source}`)
  const loaded = await loadModel(source, {
    seed: flags.seed,
    progress: ({ loaded: done, total }) => done && total && reporter.progress(done, total),
  })
  reporter.done()
  let files = loaded.tokenizerFiles
  const texts = await recipeTexts(loaded, steps, flags, reporter)
  reporter.stage(flags.recipe)
  const result = await applyRecipe(loaded.weights, steps, {
    seed: flags.seed,
    ...texts,
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
