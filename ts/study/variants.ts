// Makes the models of the rows: shape, train again where that helps, store; each in its folder under models/.

import { quantizationSensitivity, quantizeWithinGate } from '../compress/quantize-gate.ts'
import { applyRecipe, parseRecipe, type RecipeResult, type Step } from '../recipe/apply.ts'
import { definitionOf } from '../recipe/steps/index.ts'
import { loadModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'
import type { ModelWeights } from '../model/weights.ts'
import { firstOrderImportance } from '../train/importance.ts'
import { ROWS, type RowPlan } from './catalogue.ts'
import { shapingOf } from './clock.ts'
import { preparedTokenizer } from '../text/prepare.ts'
import { tokenizerOfFiles } from '../inference/tokenizer.ts'
import { withVocabulary } from '../text/tokenizer-files.ts'
import type { Base } from './bases.ts'
import { shapeWeights, type Shaped, type VariantContext } from './tuning.ts'

/** What is kept of a row beside its folder. */
export interface MadeRow {
  recipe: string
  notes: string[]
  /** shaping and training again included, also where another row has the same shape and made it */
  makeSeconds: number
}

const joined = (...parts: string[]): string => parts.filter((part) => part !== '').join('+')

/** Training texts that importance is measured on. */
const IMPORTANCE_TEXTS = 256
/** Share of the deciding measure on the validation texts that int8 may cost before layers stay in f32. */
const GATE = 0.01

/** Makes rows from bases; shapes that several rows share are made once. */
export class VariantMaker {
  private readonly context: VariantContext
  private readonly shaped = new Map<string, Promise<Shaped & { seconds: number }>>()

  constructor(context: VariantContext) {
    this.context = context
  }

  /** Makes a row's model and writes its folder. */
  async make(row: RowPlan, base: Base, key: string): Promise<MadeRow> {
    const shaped = await this.shapeOf(row, base, key)
    const { store } = this.context
    const began = performance.now()
    let { model } = shaped
    const notes = [...shaped.notes]
    let files = base.tokenizerFiles
    if (row.store !== '') {
      const applied = await this.store(model, row, base)
      model = applied.model
      notes.push(...applied.notes)
      if (applied.vocabulary) files = withVocabulary(files, applied.vocabulary, model.config.lowercase)
    }
    await store.writeModel(row.id, async (folder) => {
      await saveModel(model, folder, { files, beside: await base.vectors?.filesBeside(files !== base.tokenizerFiles) })
    })
    const makeSeconds = shaped.seconds + (performance.now() - began) / 1000
    return { recipe: joined(shaped.recipe, row.store), notes, makeSeconds }
  }

  /** The storing steps; int8 of plain dense layers holds the gate, or leaves layers in f32 until it does. */
  private async store(model: ModelWeights, row: RowPlan, base: Base): Promise<RecipeResult> {
    const applied = await this.apply(model, row.store, base)
    const steps = parseRecipe(row.store)
    const q8 = steps.find(({ text }) => text === 'q8')
    // with another vocabulary the validation texts would need its tokens
    if (!q8 || row.shape !== '' || !base.isTrained || applied.vocabulary) return applied
    const before = await base.validate(model)
    if ((await base.validate(applied.model)) >= before * (1 - GATE)) return applied
    const order = quantizationSensitivity(model, await base.calibration(model)).map(({ stem }) => stem)
    const gated = await quantizeWithinGate(model, order, base.validate, GATE)
    const rest = joined(...steps.filter((step) => step !== q8).map(({ text }) => text))
    const { config } = applied.model
    const last = rest === '' ? gated : await this.apply(gated.model, rest, base)
    return { model: { ...last.model, config }, notes: rest === '' ? gated.notes : [...gated.notes, ...last.notes] }
  }

  /** Cut layers see other inputs than those before: steps after the cut are a recipe with a new calibration. */
  private async apply(model: ModelWeights, recipe: string, base: Base): Promise<RecipeResult> {
    const steps = parseRecipe(recipe)
    const cut = steps.findIndex((step) => definitionOf(step).changesInputs) + 1
    if (cut === 0 || cut === steps.length) return this.applySteps(model, steps, base)
    const first = await this.applySteps(model, steps.slice(0, cut), base)
    const rest = await this.applySteps(first.model, steps.slice(cut), base)
    return { ...first, ...rest, notes: [...first.notes, ...rest.notes] }
  }

  private async applySteps(model: ModelWeights, steps: Step[], base: Base): Promise<RecipeResult> {
    const { settings, reporter, threads, signal } = this.context
    // a base's own calibration is there anyway and corrects biases; another is made for the steps that cannot do without
    const isCalibrated = steps.some((step) => {
      const { inputs } = definitionOf(step).texts(step)
      return inputs === 'needed' || (inputs === 'helpful' && model === base.model)
    })
    return applyRecipe(model, steps, {
      seed: settings.seed,
      vocabulary: base.vocabulary,
      keepIds: base.seenIds,
      sampleTexts: base.sampleTexts,
      encoder: (vocabulary) => {
        const files = withVocabulary(base.tokenizerFiles, [...vocabulary], base.model.config.lowercase)
        const tokenizer = preparedTokenizer(
          tokenizerOfFiles(files, base.model.config, 'step vocab'),
          base.model.config.preparation,
        )
        return (text) => tokenizer.encode(text, base.model.config.maxPositions)
      },
      ...(isCalibrated && { calibration: await base.calibration(model) }),
      measureImportance: (current) =>
        firstOrderImportance(
          current,
          base.examples.slice(0, IMPORTANCE_TEXTS).map(({ ids }) => ids),
          {
            signal,
            ...(threads && { threads }),
            ...(base.vectors && { vectors: base.vectors.rule, seed: settings.seed }),
          },
        ),
      progress: (step, done, total) => reporter.progress(done, total, undefined, step),
    })
  }

  private shapeOf(row: RowPlan, base: Base, key: string): Promise<Shaped & { seconds: number }> {
    const name = shapingOf(row)
    let shaped = this.shaped.get(name)
    if (!shaped) {
      const began = performance.now()
      shaped = this.findOrShape(row, base, key).then((found) => ({
        seconds: (performance.now() - began) / 1000,
        ...found,
      }))
      this.shaped.set(name, shaped)
    }
    return shaped
  }

  /** From the folder of a finished row that has just this shape, else made now. */
  private async findOrShape(row: RowPlan, base: Base, key: string): Promise<Shaped & { seconds?: number }> {
    if (row.shape === '') return { model: base.model, recipe: '', notes: [], seconds: 0 }
    const { store, isTuned } = this.context
    const plain = ROWS.find((r) => r.base === row.base && r.shape === row.shape && r.store === '')
    if (plain && plain.id !== row.id) {
      const done = await store.read<MadeRow>(`model-${plain.id}`, key)
      if (done)
        return {
          ...done,
          model: (await loadModel(await store.checkedModel(plain.id))).weights,
          seconds: done.makeSeconds,
        }
    }
    const shaped = await shapeWeights(row.shape, isTuned, {
      base,
      context: { ...this.context, tuneSeconds: () => this.context.tuneSeconds(row) },
      apply: (model, recipe) => this.apply(model, recipe, base),
    })
    this.context.onShaped?.(row)
    return shaped
  }
}
