// The study: prepares data, trains the bases, makes and scores every row, times them in turns, writes the results.
// Each finished stage is on disk (store.ts); a run that was stopped goes on where it was.

import type { Device } from '../../kernels/program/device.ts'
import { Bases, type TrainedBase } from './bases.ts'
import { folderOf, selectRows, type RowPlan } from './catalogue.ts'
import { shapingOf, StudyClock, studyPieces } from './clock.ts'
import { flipsOf } from '../report/flips.ts'
import { isSynthetic } from '../report/about.ts'
import { loadClassifier } from '../inference/classifier.ts'
import { openDevice } from '../inference/devices.ts'
import { measureFloors, withoutPredictions, type Floor } from '../evaluation/floors.ts'
import { f1Notes, positiveClass } from '../evaluation/scores.ts'
import { METRIC_NAMES } from '../evaluation/statistics.ts'
import { Judge, judgedRows } from './judge.ts'
import { describeMachine, packageVersion } from '../report/machine.ts'
import { measureRows, type MeasuredRow, type Measurements } from './measure.ts'
import { checkPlain } from '../data/examples.ts'
import { prepareData, type PreparedData } from '../data/prepare.ts'
import { reportHtml } from '../report/report.ts'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { recommend } from '../report/recommend.ts'
import { isRefusal } from './refusal.ts'
import { checkModel, checkStudent, digestsOf, findDevices } from './start.ts'
import { measureShapes } from './shapes.ts'
import { MARGIN, RESULTS_SCHEMA, type ShapeTime, type StudyResults, type StudySettings } from '../report/results.ts'
import { encoderParams, scoreRow, type ScoredRow } from './score.ts'
import { scaleFor, settingsOf, type Scale, type StudyOptions } from './settings.ts'
import { Stopped } from '../inference/stopped.ts'
import { cuttingNote } from './cutting.ts'
import { keyOf, lockStudy, openStore, type Store } from './store.ts'
import { tableMarkdown } from '../report/table.ts'
import { rateFor } from './tuning.ts'
import { VariantMaker, type MadeRow } from './variants.ts'

/** Raised when stages made by older code must not be used. */
const STAGES_VERSION = 7

export interface StudyEnd {
  results: StudyResults
  /** true where the signal ended it early; what is finished is in the folder */
  stopped: boolean
}

interface RunContext {
  devices: ('cpu' | 'gpu')[]
  /** CPU threads; 0 for the device's own choice */
  threads: number
  settings: StudySettings
  scale: Scale
  data: PreparedData
  store: Store
  reporter: Reporter
  plans: RowPlan[]
  cpu: Device
  clock: StudyClock
  /** class that F1 is of, by the data's own order of labels */
  positive: number | null
  /** test texts may be copied into the results */
  showTexts: boolean
  signal?: AbortSignal
}

/**
 * Runs a study, or goes on with one: the baseline and its student are trained, every row is made, scored and timed, and the
 * results are written to the folder `out` after each row. Node only.
 * @throws where options, data or model are not right; rows finished before are on disk
 * @example
 * const { results } = await runStudy({ data: 'reviews.csv', variants: 'q8+e8,student', out: 'study' })
 */
export async function runStudy(
  options: StudyOptions,
  { reporter = SILENT, signal }: { reporter?: Reporter; signal?: AbortSignal } = {},
): Promise<StudyEnd> {
  const { variants = 'all', threads = 0, fresh = false, out } = options
  const began = performance.now() / 1000
  const plans = selectRows(variants)
  const settings = settingsOf(options)
  const scale = scaleFor(settings)
  await checkStudent(settings.student)
  reporter.stage(`data: ${settings.data}`)
  await checkModel(settings.model)
  const data = await prepareData(settings, scale)
  checkPlain(data, 'study')
  const { device: cpu } = await openDevice({ device: 'cpu', threads: threads || undefined })
  let unlock = async (): Promise<void> => {}
  try {
    const { devices, note } = await findDevices(options.devices)
    if (note) data.notes.push(note)
    const version = `${await packageVersion()}/${STAGES_VERSION}`
    const inputs = { ...settings, ...(await digestsOf(settings)), dataHash: data.hash, version }
    unlock = await lockStudy(out)
    const store = await openStore(out, inputs, fresh)
    const counts = `${data.train.length} texts to train on, ${data.test.length} to test`
    reporter.done(`${counts}, labels ${data.labels.join(', ')}`)
    for (const note of data.notes) reporter.note(note)
    const positive = positiveClass(
      settings.positive,
      data.labels,
      data.train.map(({ label }) => label),
    )
    const showTexts = options.showTexts === true || isSynthetic(data)
    const context = {
      ...{ devices, threads, settings, scale },
      ...{ data, store, reporter, plans, cpu },
      clock: new StudyClock(settings.minutes * 60, studyPieces(plans, devices), { began }),
      ...{ positive, showTexts, signal },
    }
    return await finish(new StudyRun(context), signal)
  } finally {
    await unlock()
    await cpu.dispose()
  }
}

/** All stages; where the signal ends them early, what is finished is written all the same. */
async function finish(run: StudyRun, signal?: AbortSignal): Promise<StudyEnd> {
  try {
    await run.makeRows()
    await run.measure()
    await run.measureShapes()
  } catch (error) {
    if (!(error instanceof Stopped || signal?.aborted)) throw error
    return { results: await run.write(), stopped: true }
  }
  return { results: await run.finish(), stopped: false }
}

class StudyRun {
  private readonly context: RunContext
  private readonly key: string
  private readonly rows: ScoredRow[] = []
  private readonly bases: Bases
  private measurements: Measurements | null = null
  private about: TrainedBase | null = null
  private floors: Floor[] = []
  private cutting = ''
  private shapes: ShapeTime[] = []
  /** rows that this model cannot have, each with why */
  private readonly refused: string[] = []
  private overrun = ''
  private readonly judge = new Judge()

  constructor(context: RunContext) {
    this.context = context
    this.key = keyOf(context.settings, context.data.hash, STAGES_VERSION)
    this.bases = new Bases(context, this.key)
  }

  /** Every row's model, folder and score; results are written again after each. */
  async makeRows(): Promise<void> {
    const { plans, store, reporter, settings, scale, threads, clock, signal } = this.context
    const maker = new VariantMaker({
      settings,
      scale,
      store,
      reporter,
      threads,
      tuneSeconds: (row) => clock.grant(shapingOf(row)),
      onTrained: (seconds) => clock.spend(seconds),
      onShaped: (row) => clock.done(shapingOf(row)),
      tuneRate: ({ id }, lost) =>
        id === 'baseline' && settings.model !== 'scratch' ? rateFor(lost, scale.learningRate) : scale.learningRate.tune,
      isTuned: settings.isTuned,
      signal,
    })
    this.about = await this.bases.trained('baseline')
    await this.measureFloors()
    clock.done('floors')
    for (const plan of plans) {
      if (signal?.aborted) throw new Stopped()
      const known = await store.read<ScoredRow>(`row-${plan.id}`, this.key)
      if (known) {
        await store.checkedModel(plan.id)
        this.rows.push(known)
        clock.done(shapingOf(plan), true)
        clock.done(`row ${plan.id}`, true)
        if (plan.id === 'baseline') await this.describeCutting(known)
        continue
      }
      const made = await this.makeRow(plan, maker)
      // where the model was there, or is made without its shape
      clock.done(shapingOf(plan), true)
      if (!made) {
        clock.done(`row ${plan.id}`, true)
        continue
      }
      const row = await this.score(plan, made)
      await store.write(`row-${plan.id}`, this.key, row)
      clock.done(`row ${plan.id}`)
      this.rows.push(row)
      if (plan.id === 'baseline') await this.describeCutting(row)
      reporter.done(
        `${METRIC_NAMES[settings.metric]} ${row[settings.metric].toFixed(3)}, ${(row.bytes / 1e6).toFixed(2)} MB`,
      )
      await this.write()
    }
  }

  /** A row's model in its folder; null where this model cannot have the row, which the notes say. */
  private async makeRow(plan: RowPlan, maker: VariantMaker): Promise<MadeRow | null> {
    const { store, reporter, signal } = this.context
    const known = await store.read<MadeRow>(`model-${plan.id}`, this.key)
    if (known) return known
    try {
      const base = await this.bases.base(plan.base)
      reporter.stage(plan.id)
      const made =
        plan.id === plan.base
          ? { recipe: '', notes: [base.words], makeSeconds: base.seconds }
          : await maker.make(plan, base, this.key)
      await store.write(`model-${plan.id}`, this.key, made)
      return made
    } catch (error) {
      // of a full disk, an abort or a fault of the program the study ends
      if (plan.id === 'baseline' || !isRefusal(error) || signal?.aborted) throw error
      const words = `${plan.id} is not made of this model: ${error.message}`
      reporter.note(words)
      this.refused.push(words)
      return null
    }
  }

  /** Once the baseline has settled the order of the labels. */
  private async measureFloors(): Promise<void> {
    const { data, store, reporter, settings } = this.context
    const known = await store.read<Floor[]>('floors', this.key)
    if (known) this.floors = known
    else {
      reporter.stage('floors: majority, naive Bayes, logistic regression')
      const positive = await this.bases.positive()
      const options = { classes: data.labels.length, positive, seed: settings.seed }
      this.floors = (await measureFloors(data.train, data.test, options)).map(withoutPredictions)
      await store.write('floors', this.key, this.floors)
      const { metric } = settings
      reporter.done(this.floors.map((floor) => `${floor.id} ${floor[metric].toFixed(3)}`).join(', '))
    }
  }

  /** What it costs that texts are longer than the baseline reads, once that is scored. */
  private async describeCutting({ predictions }: ScoredRow): Promise<void> {
    const { data, store, settings, scale } = this.context
    const known = await store.read<string>('cutting', this.key)
    if (known !== null) {
      this.cutting = known
      return
    }
    const { weights, tokenizer } = await loadClassifier(await store.checkedModel('baseline'))
    const linear = this.floors.find(({ id }) => id === 'logistic-regression')![settings.metric]
    this.cutting = cuttingNote({
      ...{ tokenizer, train: data.train, test: data.test, predictions, linear },
      limit: Math.min(scale.maxPositions, weights.config.maxPositions, tokenizer.maxLength),
      ...{ classes: data.labels.length, positive: await this.bases.positive() },
      ...{ metric: settings.metric, seed: settings.seed },
    })
    await store.write('cutting', this.key, this.cutting)
  }

  private async score(plan: RowPlan, made: MadeRow): Promise<ScoredRow> {
    const { data, store, cpu, settings, signal, reporter } = this.context
    const folder = await store.checkedModel(plan.id)
    return scoreRow({
      plan,
      ...made,
      folder,
      relativeFolder: `models/${folderOf(plan.id)}`,
      data,
      maxLength: this.context.scale.maxPositions,
      device: cpu,
      encoderParams: encoderParams((await this.bases.base('baseline')).model),
      metric: settings.metric,
      positive: await this.bases.positive(),
      seed: settings.seed,
      signal,
      reporter,
    })
  }

  /** Times every row in turns on each device, all rows together. */
  async measure(): Promise<void> {
    const { store, threads, devices, data, scale, reporter, cpu, clock, signal } = this.context
    const rows: MeasuredRow[] = []
    for (const { id } of this.rows) rows.push({ id, folder: await store.checkedModel(id) })
    const key = keyOf(
      this.key,
      rows.map(({ id }) => id),
      devices,
      cpu.info().threads,
      data.hash,
    )
    this.measurements = await store.read<Measurements>('times', key)
    if (this.measurements) return
    this.measurements = await measureRows({
      rows,
      devices,
      cpu,
      threads,
      texts: data.test.map(({ text }) => text),
      labels: data.labels.length,
      maxLength: scale.maxPositions,
      seconds: (kind) => clock.grant(`times on the ${kind}`),
      onTimed: (seconds) => clock.spend(seconds),
      onDevice: (kind) => clock.done(`times on the ${kind}`),
      checked: scale.checked,
      reporter,
      signal,
    })
    await store.write('times', key, this.measurements)
  }

  /** Times by length and batch of the baseline, the student and what is recommended. */
  async measureShapes(): Promise<void> {
    const { store, data, scale, settings, reporter, cpu, clock, signal } = this.context
    const { recommendations, rows } = await this.write()
    const ids = ['baseline', 'student', ...recommendations.map(({ id }) => id)]
    const chosen = rows.filter(({ id }) => ids.includes(id))
    const key = keyOf(
      this.key,
      chosen.map(({ id }) => id),
      cpu.info().threads,
      data.hash,
    )
    const known = await store.read<ShapeTime[]>('shapes', key)
    if (known) this.shapes = known
    else {
      reporter.stage('times by length and batch')
      const opened = await Promise.all(chosen.map(async ({ id }) => ({ id, folder: await store.checkedModel(id) })))
      this.shapes = await measureShapes({
        rows: opened,
        cpu: rows.some(({ cpu: of }) => of) ? cpu : null,
        hasGpu: rows.some(({ gpu }) => gpu && !gpu.software),
        typical: rows.find(({ cpu: of }) => of)?.cpu?.tokens ?? scale.maxPositions,
        maxLength: scale.maxPositions,
        ...{ clock, seed: settings.seed, reporter, signal },
      })
      await store.write('shapes', key, this.shapes)
      reporter.done(`${chosen.length} rows`)
    }
  }

  /** The results, with a note where they came too late. */
  async finish(): Promise<StudyResults> {
    this.overrun = this.context.clock.overrun()
    return this.write()
  }

  /** results.json, table.md and report.html of what there is so far. */
  async write(): Promise<StudyResults> {
    const { settings, data, store, plans, cpu, showTexts } = this.context
    const { measurements } = this
    const positive = this.about === null ? null : await this.bases.positive()
    const family = Math.max(1, plans.length - 1)
    const { metric, seed } = settings
    const expected = data.test.map(({ label }) => label)
    const texts = showTexts ? data.test.map(({ text }) => text) : null
    const judging = { expected, classes: data.labels.length, metric, positive, seed, family }
    const rows = judgedRows(this.rows, this.judge, judging, measurements)
    const { machine, engine } = await describeMachine(cpu.info(), measurements?.adapter ?? null)
    const finished = rows.length + this.refused.length === plans.length && measurements !== null
    const notes = [...data.notes, ...(this.cutting ? [this.cutting] : []), ...f1Notes(data.labels, positive)]
    const { floors } = this
    const chosen = finished ? recommend({ rows, floors, margin: MARGIN, settings }) : { recommendations: [], notes: [] }
    const results: StudyResults = {
      schema: RESULTS_SCHEMA,
      finished,
      date: new Date().toISOString(),
      machine,
      engine,
      model: {
        source: settings.model,
        shape: this.about?.shape ?? 'not there yet',
        trained: this.about?.words ?? 'not trained yet',
      },
      data: {
        source: data.source,
        name: data.name,
        labels: data.labels,
        positive: positive === null ? null : data.labels[positive],
        train: data.train.length,
        validation: data.validation.length,
        test: data.test.length,
        hash: data.hash,
        notes,
      },
      seed: settings.seed,
      settings,
      ...{ floors, family, margin: MARGIN, rows },
      recommendations: chosen.recommendations,
      shapes: this.shapes,
      flips: this.rows.length ? flipsOf({ rows: this.rows, expected, texts }) : [],
      notes: [
        ...this.refused,
        ...(this.overrun ? [this.overrun] : []),
        ...chosen.notes,
        ...notes,
        ...(measurements?.notes ?? []),
        ...cpu.info().notes,
      ],
    }
    await store.writeFile('results.json', `${JSON.stringify(results, null, 2)}\n`)
    await store.writeFile('table.md', tableMarkdown(results))
    await store.writeFile('report.html', reportHtml(results))
    return results
  }
}
