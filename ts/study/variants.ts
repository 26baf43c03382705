// Makes the models of the rows: shape, train again where that helps, store; each in its folder under models/.

import { applyRecipe } from '../compress/recipe.ts'
import { loadModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'
import type { ModelWeights } from '../model/weights.ts'
import { ROWS, type RowPlan } from './catalogue.ts'
import { tokenizerOf, withVocabulary } from './classifier.ts'
import { densifyModel } from './densify.ts'
import { chooseLowRank } from './low-rank.ts'
import type { Reporter } from './reporter.ts'
import type { Scale, StudySettings } from './settings.ts'
import type { Store } from './store.ts'
import { trainWithin, type Example } from './training.ts'

/** A trained model to make rows of, with all that its rows need. */
export interface Base {
  id: 'baseline' | 'student'
  model: ModelWeights
  tokenizerFiles: Record<string, string>
  /** training examples in this base's own tokens */
  examples: Example[]
  /** tokens by id */
  vocabulary: string[]
  /** ids that the training texts use: what the step `vocab` keeps */
  seenIds: Set<number>
  /** texts outside training, on which that step counts unknown words */
  sampleTexts: string[]
  /** how it was trained, for its row's note */
  words: string
  /** that its training took */
  seconds: number
  /** decides whether the base's rows can be trained again */
  isTrained: boolean
  /** F1 on the validation texts of any model with this base's tokenizer */
  validate: (model: ModelWeights) => Promise<number>
}

export interface VariantContext {
  settings: StudySettings
  scale: Scale
  store: Store
  reporter: Reporter
  threads: number
  /** seconds for one fine-tuning */
  tuneSeconds: number
  /** learning rate for training a shaped base again */
  tuneRate: (base: Base) => number
  signal?: AbortSignal
}

export interface Shaped {
  model: ModelWeights
  recipe: string
  notes: string[]
}

/** What is kept of a row beside its folder. */
export interface MadeRow {
  recipe: string
  notes: string[]
  /** shaping and training again included, also where another row has the same shape and made it */
  makeSeconds: number
}

const joined = (...parts: string[]): string => parts.filter((part) => part !== '').join('+')

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
      const applied = await this.apply(model, row.store, base)
      model = applied.model
      notes.push(...applied.notes)
      if (applied.vocabulary) files = withVocabulary(files, applied.vocabulary, model.config.lowercase)
    }
    await store.writeModel(row.id, async (folder) => {
      await saveModel(model, folder, { files })
    })
    const makeSeconds = shaped.seconds + (performance.now() - began) / 1000
    return { recipe: joined(shaped.recipe, row.store), notes, makeSeconds }
  }

  private async apply(model: ModelWeights, recipe: string, base: Base) {
    const { settings, reporter } = this.context
    return applyRecipe(model, recipe, {
      seed: settings.seed,
      vocabulary: base.vocabulary,
      keepIds: base.seenIds,
      sampleTexts: base.sampleTexts,
      encoder: (vocabulary) => {
        const files = withVocabulary(base.tokenizerFiles, [...vocabulary], base.model.config.lowercase)
        const tokenizer = tokenizerOf({ tokenizerFiles: files, where: 'step vocab', weights: base.model })
        return (text) => tokenizer.encode(text, base.model.config.maxPositions)
      },
      progress: (step, done, total) => reporter.progress(done, total, undefined, step),
    })
  }

  private shapeOf(row: RowPlan, base: Base, key: string): Promise<Shaped & { seconds: number }> {
    const name = `${row.base}/${row.shape}/${row.tune}`
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
    const { store } = this.context
    const plain = ROWS.find(
      (r) => r.base === row.base && r.shape === row.shape && r.tune === row.tune && r.store === '',
    )
    if (plain && plain.id !== row.id) {
      const done = await store.read<MadeRow>(`model-${plain.id}`, key)
      if (done)
        return { ...done, model: (await loadModel(store.modelFolder(plain.id))).weights, seconds: done.makeSeconds }
    }
    if (row.shape.endsWith(':R'))
      return chooseLowRank(row.shape, base, (model, recipe) => this.apply(model, recipe, base), this.context)
    const applied = await this.apply(base.model, row.shape, base)
    if (row.tune === 'none' || !base.isTrained)
      return {
        model: applied.model,
        recipe: row.shape,
        notes: base.isTrained ? applied.notes : [...applied.notes, 'not trained again: the base has random weights'],
      }
    return this.tune(row, base, applied.model, applied.notes)
  }

  private async tune(row: RowPlan, base: Base, model: ModelWeights, notes: string[]): Promise<Shaped> {
    const { settings, scale, reporter, signal, threads, tuneSeconds } = this.context
    const dense = row.tune === 'masked' ? densifyModel(model) : { model, masks: {} }
    const trained = await trainWithin(
      dense.model,
      base.examples,
      {
        epochs: scale.epochs.tune,
        seconds: tuneSeconds,
        batch: scale.batch,
        learningRate: this.context.tuneRate(base),
        seed: settings.seed,
        threads,
        ...(row.tune === 'masked' && { masks: dense.masks }),
      },
      reporter,
      signal,
    )
    const words = `trained again ${row.tune === 'masked' ? 'with its zeros held' : 'as a smaller dense model'}: ${trained.words}`
    if (row.tune === 'dense') return { model: trained.model, recipe: row.shape, notes: [...notes, words] }
    // the zeros were held, so the step finds the same ones again
    const again = await this.apply({ ...trained.model, config: base.model.config }, row.shape, base)
    return { model: again.model, recipe: row.shape, notes: [...notes, words] }
  }
}
