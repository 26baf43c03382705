// What training can be told, what it takes where it is told nothing, and what is refused.

import { checkChoice, checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import type { Link } from '../../kernels/train/batch.ts'
import type { FakeQuantize } from '../../kernels/train/fake-quantize.ts'
import { checkArray } from '../../kernels/program/weights.ts'
import type { ModelWeights } from '../model/weights.ts'
import { LEAST, type Crop } from './crop.ts'
import type { HiddenOptions } from './hidden.ts'
import type { PieceDropout, Tokens } from './pieces.ts'
import type { Masks, MaskSchedule } from './schedule.ts'
import type { TrainState, ValidationScore } from './state.ts'

export interface TrainExample extends Tokens {
  /** number of the label; -1 for none, where a teacher says what the text is: its share of cross-entropy is then 0 */
  label: number
  /**
   * in place of `label`, which is then -1, where the model's problem type is another: f32 [labels]. regression: the numbers;
   * multi_label_classification: 1 for each label that holds, 0 for the others. NaN: not known, it adds nothing to the loss
   */
  targets?: Float32Array
}

export interface TrainProgress {
  /** steps done */
  step: number
  /** steps in all, where time allows */
  steps: number
  /** mean of the last steps */
  loss: number
  secondsLeft: number
  learningRate: number
}

export interface TrainOptions {
  /** passes over the examples; 3 */
  epochs?: number
  /** steps instead of epochs */
  steps?: number
  /** ends earlier, the learning rate at 0 all the same; the result then depends on the machine's speed */
  maxSeconds?: number
  /** sequences a step; 32 */
  batch?: number
  /** tokens a step, about, instead of sequences */
  batchTokens?: number
  /**
   * batches whose gradients are averaged by sequences for one update, as one batch too large for the memory, but that
   * hidden states are a mean over the tokens of each batch alone; 1
   */
  accumulate?: number
  /** peak of the schedule: linear warm-up, then linear to 0; 5e-4, which suits small models from scratch */
  learningRate?: number
  /** share of the steps that warms up; 0.1 */
  warmup?: number
  /** equal stages after the warm-up, each from the peak down: the rate is rewound, as iterative pruning wants it; 1 */
  cycles?: number
  /** share of the peak at which each stage ends; 0 */
  floor?: number
  /** decoupled, on matrices and tables, not on biases and norms; 0.01 */
  weightDecay?: number
  /** largest norm of all gradients together; 1 */
  clipNorm?: number
  /** on embeddings, the outputs of attention and feed-forward, and the pooled vector; 0.1 */
  dropout?: number
  /** word pieces that fall into smaller ones at random, anew in each step; scores and teacherLogits are of whole texts */
  pieceDropout?: PieceDropout
  /** texts that are read in one part at random, anew in each step, before their pieces fall; single texts alone */
  crop?: Crop
  /** share of the target that is spread over all labels, of several that may hold over yes and no; 0 */
  labelSmoothing?: number
  /** any whole number; 1 */
  seed?: number
  /** CPU threads; the engine's cores, at most 8. The result does not depend on them */
  threads?: number
  /** held out: scored after each epoch and at the end */
  validation?: TrainExample[]
  /** steps between two scores, beside those after each epoch */
  validateEvery?: number
  /** ends after so many scores in a row that are no better than the best; needs `validation`, and keeps the best */
  patience?: number
  /** 'best': give back the weights that scored best on `validation`; 'last' */
  keep?: 'last' | 'best'
  /**
   * a teacher's logits per example, f32 [examples, labels] or one array each: loss = alpha CE + (1 - alpha) T^2 KL, both
   * means over the texts of a batch; a text without a label has cross-entropy 0. Of a regression both are squared differences
   */
  teacherLogits?: Float32Array | Float32Array[]
  /** beta: adds beta times the mean of (logits - teacherLogits)^2 over texts and labels; 0 */
  logitMse?: number
  /**
   * a teacher's vectors per example, f32 [examples, C_t] or one array each, of any length: the loss is the mean of 1 - cos of
   * the model's vector (the mean of its last states over the tokens) and the teacher's. The model has no classifier then, and
   * labels are not looked at. Where C_t is another width than the model's, a projection is learned and dropped at the end.
   */
  teacherVectors?: Float32Array | Float32Array[]
  /** the same of the examples of `validation`, whose loss is then that mean; their accuracy is null */
  validationVectors?: Float32Array | Float32Array[]
  /** hidden states of a teacher to come near to */
  hidden?: HiddenOptions
  /**
   * quantization-aware: every pass, scoring included, computes with operands rounded as `q8` (linears) and `e8`
   * (embeddings: the word table) will round them; gradients pass straight through. The result is f32: compress it
   * afterwards
   */
  fakeQuantize?: FakeQuantize
  /** share of cross-entropy with a teacher; 0.5 */
  alpha?: number
  /** T; 2 */
  temperature?: number
  /** weights that are kept at zero, by tensor stem: u8 [N, K], 0 = zero */
  masks?: Masks
  /** masks made from the weights as training goes, beside `masks`; only scores after its end count as the best */
  maskSchedule?: MaskSchedule
  /** saves the run so that `resume` can go on with it: after so many steps or seconds (60), and where `signal` stops it */
  checkpoint?: Checkpoint
  /** goes on with a run of the same model, examples and options: the result has the same bits as without interruption */
  resume?: TrainState
  /** stops after the running step; what was learned until then is given back */
  signal?: AbortSignal
  progress?: (event: TrainProgress) => void
}

export interface Checkpoint {
  steps?: number
  seconds?: number
  /** the state is the callback's own; training waits for it */
  save(state: TrainState): void | Promise<void>
}

export interface TrainResult {
  model: ModelWeights
  /** of each step, before its update */
  losses: number[]
  steps: number
  seconds: number
  /** empty without `validation` */
  validation: ValidationScore[]
  /** step whose weights these are */
  kept: number
  /** why it ended: all steps done, `maxSeconds`, `patience` or `signal` */
  ended: 'steps' | 'clock' | 'patience' | 'signal'
}

const DEFAULTS = {
  epochs: 3,
  batch: 32,
  accumulate: 1,
  learningRate: 5e-4,
  warmup: 0.1,
  cycles: 1,
  floor: 0,
  weightDecay: 0.01,
  clipNorm: 1,
  dropout: 0.1,
  labelSmoothing: 0,
  seed: 1,
  logitMse: 0,
  alpha: 0.5,
  temperature: 2,
  keep: 'last' as 'last' | 'best',
}

const OPTIONS: OptionNames<TrainOptions> = {
  ...{ epochs: true, steps: true, maxSeconds: true, batch: true, batchTokens: true, accumulate: true },
  ...{ learningRate: true, warmup: true, cycles: true, floor: true, weightDecay: true, clipNorm: true },
  ...{ dropout: true, pieceDropout: true, crop: true, labelSmoothing: true, seed: true, threads: true },
  ...{ validation: true, validateEvery: true, patience: true, keep: true },
  ...{ teacherVectors: true, validationVectors: true },
  ...{ teacherLogits: true, logitMse: true, hidden: true, fakeQuantize: true, alpha: true, temperature: true },
  ...{ masks: true, maskSchedule: true, checkpoint: true, resume: true, signal: true, progress: true },
}

export type Settings = typeof DEFAULTS & TrainOptions

/** Options with defaults. @throws where a number is outside its range */
export function settle(options: TrainOptions): Settings {
  checkNames('train', options, OPTIONS)
  checkChoice('train', 'keep', options.keep, ['last', 'best'])
  const { progress, signal } = options
  if (progress !== undefined && typeof progress !== 'function')
    throw new TypeError(`train: progress is ${String(progress)}, expected a function`)
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`train: signal is ${String(signal)}, expected an AbortSignal`)
  if (options.fakeQuantize) checkNames('train: fakeQuantize', options.fakeQuantize, { linears: true, embeddings: true })
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const settings: Settings = { ...DEFAULTS, ...(options.patience && { keep: 'best' as const }), ...given }
  const range = (name: keyof Settings, isRight: (x: number) => boolean, words: string): void => {
    const value = settings[name]
    if (value !== undefined && !(typeof value === 'number' && isRight(value)))
      throw new Error(`train: ${name} = ${String(value)}; it must be ${words}`)
  }
  const whole = (x: number): boolean => Number.isInteger(x) && x >= 1
  const isShare = (x: number): boolean => x >= 0 && x <= 1
  range('epochs', (x) => x > 0, 'above 0')
  range('steps', whole, 'a whole number from 1 on')
  range('maxSeconds', (x) => x > 0, 'above 0')
  range('batch', whole, 'a whole number from 1 on')
  range('batchTokens', whole, 'a whole number from 1 on')
  range('accumulate', whole, 'a whole number from 1 on')
  range('learningRate', (x) => x > 0 && Number.isFinite(x), 'above 0')
  range('warmup', isShare, 'from 0 to 1')
  range('cycles', whole, 'a whole number from 1 on')
  range('floor', (x) => x >= 0 && x < 1, 'from 0 to below 1')
  range('validateEvery', whole, 'a whole number from 1 on')
  range('patience', whole, 'a whole number from 1 on')
  range('weightDecay', (x) => x >= 0 && Number.isFinite(x), '0 or more')
  range('clipNorm', (x) => x > 0, 'above 0 (Infinity for none)')
  range('dropout', (x) => x >= 0 && x < 1, 'from 0 to below 1')
  const broken = settings.pieceDropout?.rate ?? 0
  if (!(broken >= 0 && broken < 1))
    throw new Error(`train: pieceDropout.rate = ${broken}; it must be from 0 to below 1`)
  checkCrop(settings.crop)
  range('labelSmoothing', (x) => x >= 0 && x < 1, 'from 0 to below 1')
  range('seed', Number.isInteger, 'a whole number')
  range('threads', whole, 'a whole number from 1 on')
  range('alpha', isShare, 'from 0 to 1')
  range('logitMse', (x) => x >= 0 && Number.isFinite(x), '0 or more')
  if (settings.logitMse > 0 && !settings.teacherLogits)
    throw new Error(`train: logitMse = ${settings.logitMse} needs teacherLogits`)
  const gamma = settings.hidden?.weight ?? 0
  if (!(gamma >= 0 && Number.isFinite(gamma))) throw new Error(`train: hidden.weight = ${gamma}; it must be 0 or more`)
  range('temperature', (x) => x > 0 && Number.isFinite(x), 'above 0')
  if (settings.keep === 'best' && !settings.validation?.length)
    throw new Error("train: keep 'best' needs validation examples")
  if (settings.patience && !settings.validation?.length) throw new Error('train: patience needs validation examples')
  const { every = 1, until = 1 } = settings.maskSchedule ?? {}
  if (!(every > 0 && (every < 1 || Number.isInteger(every)) && until > 0 && until <= 1))
    throw new Error(
      `train: maskSchedule has every = ${every}, until = ${until}; every must be whole steps or a share below 1, until a share above 0`,
    )
  const { steps = 1, seconds = 1 } = settings.checkpoint ?? {}
  if (!(whole(steps) && seconds > 0))
    throw new Error(
      `train: checkpoint has steps = ${steps}, seconds = ${seconds}; steps must be a whole number from 1 on, seconds above 0`,
    )
  return settings
}

function checkCrop({ rate, least = LEAST, longer = { than: least, rate } }: Crop = { rate: 0 }): void {
  const isShare = (x: number): boolean => x >= 0 && x <= 1
  if (!(isShare(rate) && Number.isInteger(least) && least >= 1))
    throw new Error(
      `train: crop has rate = ${rate}, least = ${least}; rate must be from 0 to 1, least a whole number from 1 on`,
    )
  if (!(isShare(longer.rate) && Number.isInteger(longer.than) && longer.than >= least))
    throw new Error(
      `train: crop.longer has rate = ${longer.rate}, than = ${longer.than}; rate must be from 0 to 1, than a whole number from least = ${least} on`,
    )
}

/**
 * @param link null of a model without labels, which looks at none
 * @param hasTeacher examples may come without a label (-1)
 * @throws where there are no examples, or one does not fit the model
 */
export function checkExamples(
  examples: TrainExample[],
  { labels, positions }: { labels: number; positions: number },
  link: Link | null,
  what: string,
  hasTeacher = false,
): void {
  if (examples.length === 0) throw new Error(`train: there are no ${what} examples`)
  examples.forEach((example, i) => {
    const { ids, types } = example
    checkArray(ids, Int32Array, `train: ids of ${what} example ${i}`)
    if (types !== undefined) checkArray(types, Int32Array, `train: types of ${what} example ${i}`)
    const wrong =
      link === null
        ? null
        : link === 'softmax'
          ? wrongLabel(example, labels, hasTeacher)
          : wrongTargets(example, labels, link)
    if (wrong !== null && !(link !== 'softmax' && hasTeacher && !example.targets))
      throw new Error(`train: ${what} example ${i} has ${wrong}`)
    if (ids.length < 1 || ids.length > positions)
      throw new Error(
        `train: ${what} example ${i} has ${ids.length} tokens, the model takes 1 to ${positions}; cut longer texts`,
      )
    if (types && types.length !== ids.length)
      throw new Error(`train: ${what} example ${i} has ${ids.length} tokens and ${types.length} token types`)
  })
}

function wrongLabel({ label, targets }: TrainExample, labels: number, hasTeacher: boolean): string | null {
  if (targets)
    return "targets, but one of the model's labels holds; give label, or a model whose problemType is another"
  if (label === -1 && !hasTeacher) return 'no label (-1); that needs a teacher: teacherLogits or hidden'
  if (!(Number.isInteger(label) && label >= (hasTeacher ? -1 : 0) && label < labels))
    return `label ${label}, the model has labels 0 to ${labels - 1}`
  return null
}

function wrongTargets({ targets }: TrainExample, labels: number, link: Link): string | null {
  const expected = `expected ${labels} ${link === 'identity' ? 'numbers' : 'numbers from 0 to 1'}, one for each label`
  if (!targets) return `no targets; ${expected}`
  if (targets.length !== labels) return `${targets.length} targets; ${expected}`
  const isRight = (t: number): boolean =>
    Number.isNaN(t) || (link === 'identity' ? Number.isFinite(t) : t >= 0 && t <= 1)
  const wrong = targets.find((t) => !isRight(t))
  return wrong === undefined ? null : `the target ${wrong}; ${expected}`
}
