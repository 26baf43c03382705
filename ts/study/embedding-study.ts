// A study of an embedder: every row of the catalogue that a model without a classifier can have, judged by its vectors beside
// those of the uncompressed model. As the study of a classifier (study.ts) it goes on where it was stopped.

import type { Session } from '../../kernels/program/device.ts'
import { compareTimes } from '../evaluation/speed.ts'
import { timeInTurns } from '../evaluation/timing.ts'
import { compareVectors } from '../evaluation/vectors.ts'
import { packBatch } from '../inference/batches.ts'
import { openDevice } from '../inference/devices.ts'
import type { Features } from '../inference/embedder.ts'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { Stopped } from '../inference/stopped.ts'
import { vectorRuleOf } from '../inference/whole-vectors.ts'
import { buildProgram } from '../model/bert.ts'
import { loadModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'
import { inspectModel } from '../recipe/ledger.ts'
import {
  EMBEDDING_SCHEMA,
  embeddingHtml,
  embeddingMarkdown,
  MEASURES,
  type EmbeddingResults,
  type EmbeddingRow,
} from '../report/embedding-results.ts'
import { describeMachine, packageVersion } from '../report/machine.ts'
import type { StudySettings } from '../report/results.ts'
import { shapeWords } from '../train/starting-model.ts'
import type { Base } from './bases.ts'
import { folderOf, selectRows, type RowPlan } from './catalogue.ts'
import {
  embeddingBase,
  idsOfTexts,
  openEmbeddingTexts,
  vectorsOfTexts,
  type EmbeddingBaseInput,
} from './embedding-base.ts'
import { typicalText } from './measure.ts'
import { isRefusal } from './refusal.ts'
import { scaleFor, settingsOf } from './settings.ts'
import { digestsOf } from './start.ts'
import { keyOf, lockStudy, openStore, type Store } from './store.ts'
import { rateFor } from './tuning.ts'
import { VariantMaker, type MadeRow } from './variants.ts'

/** Raised when stages made by older code must not be used. */
const STAGES_VERSION = 1
/** More test texts tell no more than a point of a hundred. */
const MOST_TEST = 2000
const SECONDS_EACH = 2

export interface EmbeddingStudyOptions {
  /** folder of results and models; a study that was stopped goes on there */
  out: string
  /** folder or hub id of a model without a classifier */
  model: string
  /** texts, one a line or a column, or labelled ones, whose test part is held out */
  data: string
  /** file of test texts; every tenth of `data`, or the test part of labelled rows, where not given */
  test?: string
  /** column with the text, column with the label; detected where not given */
  text?: string
  label?: string
  /** ids or recipes joined by commas, 'paper' or 'all'; all */
  variants?: string
  seed?: number
  /** CPU threads; the device's own choice where not given */
  threads?: number
  /** most tokens of a text; 128 */
  tokens?: number
  /** for the training of all rows together, 10; 0: none is trained again */
  minutes?: number
  /** passes over the training texts where time allows; 1, sparse rows 2 */
  passes?: number
  /** adds so many times the mean square between the row's hidden states and the model's own; 0 */
  hiddenWeight?: number
  /** training texts that rows trained again learn from; 20000 */
  taught?: number
  /** forgets what is on disk */
  fresh?: boolean
}

export interface EmbeddingStudyEnd {
  results: EmbeddingResults
  /** true where the signal ended it early; what is finished is in the folder */
  stopped: boolean
}

/**
 * Runs a study of an embedder, or goes on with one; results.json, table.md and report.html are written after each row. Node only.
 * @throws where options, data or model are not right; rows finished before are on disk
 * @example
 * const { results } = await runEmbeddingStudy({ model: './all-MiniLM-L6-v2', data: 'texts.txt', out: 'study' })
 */
export async function runEmbeddingStudy(
  options: EmbeddingStudyOptions,
  { reporter = SILENT, signal }: { reporter?: Reporter; signal?: AbortSignal } = {},
): Promise<EmbeddingStudyEnd> {
  const { out, model, data, test, text, label, variants = 'all', seed = 1, threads = 0, tokens = 128 } = options
  const { minutes = 10, passes, hiddenWeight, taught = 20_000, fresh = false } = options
  const asked = selectRows(variants)
  const loaded = await loadModel(model)
  const { weights } = loaded
  if (weights.classifier)
    throw new Error(
      `${model} is a classifier; a study of an embedder takes a model without one: leave --task embed out`,
    )
  if (weights.config.recipe !== '')
    throw new Error(
      `${model} is compressed already (${weights.config.recipe}); a study starts from an uncompressed model`,
    )
  const rule = await vectorRuleOf(loaded)
  if (rule.refused !== null) throw new Error(`${model}: ${rule.refused}`)
  const texts = await openEmbeddingTexts({ data, test, text, label, seed, most: MOST_TEST }, loaded, reporter)
  const notes = [
    ...asked
      .filter(({ base }) => base === 'student')
      .map(({ id }) => `${id}: a student of an embedder is made by distil`),
  ]
  // what training compares is the mean of the rows
  const isTuned = minutes > 0 && rule.pooling === 'mean'
  if (minutes > 0 && !isTuned)
    notes.push(`no row is trained again: training compares means, and this model pools by ${rule.pooling}`)
  const trained = { minutes, passes, hiddenWeight, isTuned }
  const settings = settingsOf({ out, model, data, test, text, label, seed, tokens, ...trained })
  const { device: cpu } = await openDevice({ device: 'cpu', threads: threads || undefined })
  let unlock = async (): Promise<void> => {}
  try {
    unlock = await lockStudy(out)
    const version = `${await packageVersion()}/${STAGES_VERSION}`
    const inputs = { task: 'embed', ...settings, taught, ...(await digestsOf(settings)), dataHash: texts.hash, version }
    const store = await openStore(out, inputs, fresh)
    const key = keyOf(inputs)
    const shared = { loaded, rule, texts, cpu, threads, tokens, reporter, signal }
    const base = await embeddingBase({ ...shared, taught: isTuned ? taught : 0 })
    const plans = asked.filter(({ base: of }) => of === 'baseline')
    const run = new EmbeddingRun({ ...shared, settings, store, key, base, plans, notes, options })
    return await run.finish()
  } finally {
    await unlock()
    await cpu.dispose()
  }
}

interface RunContext extends Omit<EmbeddingBaseInput, 'taught'> {
  settings: StudySettings
  store: Store
  /** of everything that decides what is made */
  key: string
  base: Base
  plans: RowPlan[]
  notes: string[]
  options: EmbeddingStudyOptions
}

class EmbeddingRun {
  private readonly context: RunContext
  private readonly rows: EmbeddingRow[] = []
  private neighbours = 0

  constructor(context: RunContext) {
    this.context = context
  }

  /** All stages; where the signal ends them early, what is finished is written all the same. */
  async finish(): Promise<EmbeddingStudyEnd> {
    try {
      await this.makeRows()
      await this.time()
    } catch (error) {
      if (!(error instanceof Stopped || this.context.signal?.aborted)) throw error
      return { results: await this.write(false), stopped: true }
    }
    return { results: await this.write(true), stopped: false }
  }

  private async makeRows(): Promise<void> {
    const { plans, store, key, reporter, settings, threads, signal, base } = this.context
    const tuned = new Set(plans.filter(({ shape }) => shape !== '').map(({ shape }) => shape)).size
    const scale = scaleFor(settings)
    const maker = new VariantMaker({
      ...{ settings, scale, store, reporter, threads, signal, isTuned: settings.isTuned },
      tuneSeconds: () => (settings.minutes * 60) / Math.max(1, tuned),
      tuneRate: (_, lost) => rateFor(lost, scale.learningRate),
    })
    for (const plan of plans) {
      if (signal?.aborted) throw new Stopped()
      let row = await store.read<EmbeddingRow>(`row-${plan.id}`, key)
      if (!row) {
        reporter.stage(plan.id)
        const made = await this.makeRow(plan, maker, base)
        if (!made) continue
        row = await this.score(plan, made)
        await store.write(`row-${plan.id}`, key, row)
        reporter.done(`${(row.bytes / 1e6).toFixed(2)} MB, ${row.overlap.mean.toFixed(3)} of the neighbours kept`)
      }
      this.rows.push(row)
      await this.write(false)
    }
  }

  private async makeRow(plan: RowPlan, maker: VariantMaker, base: Base): Promise<MadeRow | null> {
    const { store, key, signal, loaded, reporter, notes } = this.context
    const known = await store.read<MadeRow>(`model-${plan.id}`, key)
    if (known) return known
    try {
      let made: MadeRow = { recipe: '', notes: [], makeSeconds: 0 }
      if (plan.id === 'baseline')
        await store.writeModel(plan.id, async (folder) => {
          await saveModel(base.model, folder, { files: base.tokenizerFiles, beside: await loaded.filesBeside() })
        })
      else made = await maker.make(plan, base, key)
      await store.write(`model-${plan.id}`, key, made)
      return made
    } catch (error) {
      // of a full disk, an abort or a fault of the program the study ends
      if (plan.id === 'baseline' || !isRefusal(error) || signal?.aborted) throw error
      const words = `${plan.id} is not made of this model: ${error.message}`
      reporter.note(words)
      notes.push(words)
      return null
    }
  }

  /** The saved folder opened as a user would, its vectors beside the baseline's. */
  private async score(plan: RowPlan, made: MadeRow): Promise<EmbeddingRow> {
    const { store, texts, settings } = this.context
    const opened = await loadModel(await store.checkedModel(plan.id))
    const own = await this.baselineVectors()
    // what was saved of the baseline are its own weights
    const features = plan.id === 'baseline' ? own : await vectorsOfTexts(this.context, opened, texts.test)
    const { cosine, overlap, neighbours } = compareVectors(own, features, { seed: settings.seed })
    this.neighbours = neighbours
    return {
      id: plan.id,
      recipe: made.recipe,
      folder: `models/${folderOf(plan.id)}`,
      modelDigest: (await store.modelDigest(plan.id))!,
      bytes: opened.fileBytes,
      share: opened.fileBytes / (this.rows[0]?.bytes ?? opened.fileBytes),
      params: inspectModel(opened.weights).params,
      ...{ cosine, overlap, makeSeconds: made.makeSeconds, cpu: null },
      note: made.notes.join('; '),
    }
  }

  /** Of the test texts; kept on disk, since a run that goes on needs them again. */
  private own: Promise<Features> | null = null
  private baselineVectors(): Promise<Features> {
    return (this.own ??= this.readBaselineVectors())
  }

  private async readBaselineVectors(): Promise<Features> {
    const { loaded, texts, store, key } = this.context
    const known = await store.read<{ base64: string; dims: number[] }>('vectors', key)
    if (known) {
      const bytes = Uint8Array.from(Buffer.from(known.base64, 'base64'))
      return { data: new Float32Array(bytes.buffer), dims: known.dims }
    }
    const { data, dims } = await vectorsOfTexts(this.context, loaded, texts.test)
    await store.write('vectors', key, { base64: Buffer.from(data.buffer).toString('base64'), dims })
    return { data, dims }
  }

  /** Every row in turns on one text of the usual length; the baseline twice, for what it differs from itself. */
  private async time(): Promise<void> {
    const { store, key, cpu, reporter, signal, texts, loaded } = this.context
    const ids = this.rows.map(({ id }) => id)
    const timesKey = keyOf(key, ids, cpu.info().threads)
    let found = await store.read<{ id: string; cpu: EmbeddingRow['cpu'] }[]>('times', timesKey)
    if (!found) {
      reporter.stage('times on the CPU')
      const { ids: encoded } = await idsOfTexts(this.context, loaded, texts.test)
      const text = texts.test[typicalText(encoded)]
      found = await this.timeOn(text)
      await store.write('times', timesKey, found)
      reporter.done(`${found.length} rows`)
    }
    for (const { id, cpu: times } of found) this.rows.find((row) => row.id === id)!.cpu = times
    if (signal?.aborted) throw new Stopped()
  }

  private async timeOn(text: string): Promise<{ id: string; cpu: EmbeddingRow['cpu'] }[]> {
    const { store, cpu, rule, signal } = this.context
    const sessions: { id: string; session: Session; batch: ReturnType<typeof packBatch>; tokens: number }[] = []
    try {
      for (const id of [...this.rows.map((row) => row.id), CONTROL]) {
        const opened = await loadModel(await store.checkedModel(id === CONTROL ? 'baseline' : id))
        const { ids } = await idsOfTexts(this.context, opened, [text])
        const output = rule.pooling === 'mean' ? 'embeddings' : 'hidden'
        const session = await cpu.load(buildProgram(opened.weights, output, { normalize: false }))
        sessions.push({ id, session, batch: packBatch(ids), tokens: ids[0].length })
      }
      const { times } = await timeInTurns(sessions, { seconds: SECONDS_EACH * sessions.length, signal })
      const own = times.get('baseline')!.rounds
      const control = compareTimes(times.get(CONTROL)!.rounds, own).ratio
      const family = Math.max(1, sessions.length - 2)
      return sessions
        .filter(({ id }) => id !== CONTROL)
        .map(({ id, tokens }) => {
          const { medianMs, lowMs, highMs, n, rounds } = times.get(id)!
          const speed = id === 'baseline' ? null : compareTimes(own, rounds, { family, control })
          return { id, cpu: { threads: cpu.info().threads, tokens, medianMs, lowMs, highMs, n, speed } }
        })
    } finally {
      for (const { session } of sessions) session.dispose()
    }
  }

  private async write(finished: boolean): Promise<EmbeddingResults> {
    const { store, loaded, rule, texts, options, settings, notes, cpu } = this.context
    const { machine, engine } = await describeMachine(cpu.info(), null)
    const { model, data, test } = options
    const results: EmbeddingResults = {
      schema: EMBEDDING_SCHEMA,
      task: 'embed',
      measures: MEASURES,
      finished,
      date: new Date().toISOString(),
      ...{ machine, engine },
      model: {
        source: model,
        shape: shapeWords(loaded.weights),
        pooling: `${rule.pooling}${rule.normalize ? ', normalized' : ''}`,
      },
      data: {
        source: data,
        test: test ?? data,
        ...{ train: texts.train.length, validation: texts.validation.length, texts: texts.test.length },
        ...{ neighbours: this.neighbours || 10, hash: texts.hash },
      },
      seed: settings.seed,
      rows: this.rows,
      notes,
    }
    await store.writeFile('results.json', `${JSON.stringify(results, null, 2)}\n`)
    await store.writeFile('table.md', embeddingMarkdown(results))
    await store.writeFile('report.html', embeddingHtml(results))
    return results
  }
}

/** Id of the baseline where it is timed a second time. */
const CONTROL = 'the baseline, again'
