// The recipe grammar: steps joined by '+', applied left to right, and which step may follow which.

import type { RankRule } from '../compress/ranks.ts'
import { REFERENCE_FFN, REFERENCE_HEADS } from '../compress/structure.ts'

/** One step; `text` is how it was written. */
export type Step = { text: string } & (
  | { kind: 'e8' | 'vocab' }
  | { kind: 'q8'; perTensor?: true; isStatic?: true }
  | { kind: 'sparse' | 'wanda'; sparsity: number; blocks: boolean }
  | { kind: 'tiles'; sparsity: number }
  | { kind: 'nm'; n: number; m: number }
  | { kind: 'heads'; heads: number; ffn: number }
  | { kind: 'svd' | 'wsvd'; rank: RankRule }
  | { kind: 'tucker' | 'wtucker' | 'tucker3'; R: number }
  | { kind: 'student'; name: string }
  /** a form of its own for every layer, chosen from data by ts/budget/budget.ts: a record of what was done */
  | { kind: 'budget' }
)

/** The steps there are, with their syntax and meaning; for errors and help texts. */
export const STEP_SYNTAX: readonly (readonly [syntax: string, meaning: string])[] = [
  [
    'q8',
    'int8 linear layers, one scale per output; q8:tensor: one per layer; q8:static: calibrated activation scales; q8:tensor,static: both',
  ],
  ['e8', 'int8 word embeddings, scale and offset per row'],
  ['sp<NN>', 'drop NN % of the encoder weights by magnitude, e.g. sp80'],
  ['sp<NN>x4', 'the same in blocks of 1x4, e.g. sp80x4'],
  ['sp<NN>x16x32', 'the same in tiles of 16 outputs x 32 inputs, e.g. sp80x16x32'],
  ['wanda<NN>', 'drop NN % of each output by magnitude times input norm, e.g. wanda80; wanda80x4: in blocks of 1x4'],
  ['nm<n>:<m>', 'keep n of every m inputs, shared by 32 outputs, e.g. nm2:4'],
  ['heads<h>-ffn<f>', 'keep h of 12 heads and f of 3072 FFN neurons, or these fractions, e.g. heads8-ffn2048'],
  ['svd:<R>', 'two factors per layer; R up to 1 is a share of the full rank, above 1 a rank, e.g. svd:0.25'],
  ['svd:e<E>', 'the same at the lowest ranks that keep the share E of the energy, e.g. svd:e0.9'],
  ['svd:<N>MB', 'the same at the ranks that fit the encoder into N MB with the least loss, e.g. svd:2.5MB'],
  ['wsvd:…', 'svd that is best for the outputs over calibration texts, not for the weights, e.g. wsvd:0.25'],
  ['tucker:<R>', 'factors shared by the layers of a role; R as in svd, e.g. tucker:0.25'],
  ['wtucker:<R>', 'tucker that is best for the outputs over calibration texts, e.g. wtucker:0.25'],
  [
    'tucker3:<R>',
    'tucker whose cores are mixed from half as many common ones; the file is smaller, the speed the same',
  ],
  ['vocab', 'keep only the tokens that the texts use'],
  ['student:<NAME>', 'train a small student of this model, e.g. student:mini'],
]

const Q8_FORMS = ['q8', 'q8:tensor', 'q8:static', 'q8:tensor,static', 'q8:static,tensor']

/** A decimal number without sign or exponent. */
const NUMBER = '(\\d+(?:\\.\\d+)?|\\.\\d+)'

/** Steps of a recipe such as 'sp80x4+q8+e8'; '' has none. Throws on unknown steps, bad numbers and senseless orders. */
export function parseRecipe(recipe: string): Step[] {
  if (recipe.trim() === '') return []
  const steps = recipe.split('+').map((text) => parseStep(text.trim()))
  checkOrder(steps)
  return steps
}

/** The text of a recipe. */
export function formatRecipe(steps: readonly Step[]): string {
  return steps.map(({ text }) => text).join('+')
}

function parseStep(text: string): Step {
  if (text === 'e8' || text === 'vocab') return { kind: text, text }
  if (Q8_FORMS.includes(text))
    return {
      kind: 'q8',
      text,
      ...(text.includes('tensor') && { perTensor: true as const }),
      ...(text.includes('static') && { isStatic: true as const }),
    }
  let match = /^(sp|wanda)(\d+(?:\.\d+)?)(x4|x16x32)?$/.exec(text)
  if (match && !(match[1] === 'wanda' && match[3] === 'x16x32')) {
    const percent = Number(match[2])
    if (!(percent > 0 && percent < 100)) throw badNumber(text, `${match[2]} %`, 'more than 0 and less than 100 %')
    const sparsity = percent / 100
    if (match[3] === 'x16x32') return { kind: 'tiles', text, sparsity }
    return { kind: match[1] === 'sp' ? 'sparse' : 'wanda', text, sparsity, blocks: match[3] !== undefined }
  }
  match = /^nm(\d+):(\d+)$/.exec(text)
  if (match) {
    const [n, m] = [Number(match[1]), Number(match[2])]
    if (!(n >= 1 && n < m && m <= 64)) throw badNumber(text, `${n} of ${m}`, '1 <= n < m <= 64')
    return { kind: 'nm', text, n, m }
  }
  match = /^heads(\d+)-ffn(\d+)$/.exec(text)
  if (match) {
    const [heads, ffn] = [Number(match[1]), Number(match[2])]
    if (!(heads >= 1 && heads <= REFERENCE_HEADS)) throw badNumber(text, `${heads} heads`, `1 to ${REFERENCE_HEADS}`)
    if (!(ffn >= 1 && ffn <= REFERENCE_FFN)) throw badNumber(text, `${ffn} neurons`, `1 to ${REFERENCE_FFN}`)
    return { kind: 'heads', text, heads, ffn }
  }
  match = new RegExp(`^(w?svd|w?tucker|tucker3):${NUMBER}$`).exec(text)
  if (match) {
    const kind = match[1] as 'svd' | 'wsvd' | 'tucker' | 'wtucker' | 'tucker3'
    const R = rankNumber(text, match[2])
    return kind === 'svd' || kind === 'wsvd' ? { kind, text, rank: { by: 'rank', R } } : { kind, text, R }
  }
  match = new RegExp(`^(w?svd):(?:e${NUMBER}|${NUMBER}MB)$`).exec(text)
  if (match) {
    const kind = match[1] as 'svd' | 'wsvd'
    if (match[2] !== undefined) {
      const share = Number(match[2])
      if (!(share > 0 && share < 1)) throw badNumber(text, match[2], 'a share of the energy between 0 and 1')
      return { kind, text, rank: { by: 'energy', share } }
    }
    if (!(Number(match[3]) > 0)) throw badNumber(text, `${match[3]} MB`, 'more than 0 MB')
    return { kind, text, rank: { by: 'bytes', bytes: Number(match[3]) * 1e6 } }
  }
  match = /^student:([\w.-]+)$/.exec(text)
  if (match) return { kind: 'student', text, name: match[1] }
  if (/^(budget:[\d.]+(kB|MB|GB|ms)|max-loss:[\d.]+%)$/.test(text)) return { kind: 'budget', text }
  if (/^vocab:\d+$/.test(text))
    throw new Error(
      `recipe: step '${text}': found a size, expected vocab alone: the texts decide which tokens stay (--data FILE); only inspect, which has no texts, takes a size`,
    )
  const steps = STEP_SYNTAX.map(([syntax, meaning]) => `  ${syntax.padEnd(16)} ${meaning}`).join('\n')
  throw new Error(`recipe: unknown step '${text}'. The steps there are, joined by '+':\n${steps}`)
}

function rankNumber(text: string, found: string): number {
  const R = Number(found)
  if (!(R > 0)) throw badNumber(text, found, 'a share of the full rank (0 to 1) or a rank above 1')
  if (R > 1 && !Number.isInteger(R)) throw badNumber(text, found, 'a whole number where it is above 1')
  return R
}

function badNumber(text: string, found: string, expected: string): Error {
  return new Error(`recipe: step '${text}': found ${found}, expected ${expected}`)
}

// What each step does to the encoder's linears; a later form cannot be fed to a step that needs an earlier one.
const SPARSE = ['sparse', 'tiles', 'wanda', 'nm'] as const
const FACTORS = ['svd', 'wsvd', 'tucker', 'wtucker', 'tucker3'] as const

/** Kinds that may not have come before a step, and why. */
type Forbidden = readonly (readonly [before: readonly Step['kind'][], why: string])[]

const NOT_SPARSE_YET: Forbidden = [
  [['q8'], 'int8 weights are not pruned: put it before q8'],
  [SPARSE, 'the weights are sparse already: choose one kind of sparsity'],
]

const NOT_FACTORISED_YET: Forbidden = [
  [['q8'], 'int8 weights are not factorised: put it before q8'],
  [SPARSE, 'factors of sparse weights are dense, the zeros would be lost: put it before the sparsity'],
  [FACTORS, 'the layers are factorised already: choose svd or tucker'],
]

const FORBIDDEN: Record<Step['kind'], Forbidden> = {
  q8: [],
  e8: [],
  vocab: [],
  sparse: NOT_SPARSE_YET,
  tiles: NOT_SPARSE_YET,
  wanda: NOT_SPARSE_YET,
  nm: NOT_SPARSE_YET,
  heads: [
    [['q8'], 'int8 weights are not cut: put it before q8'],
    [SPARSE, 'sparse weights are not cut: put it before the sparsity'],
    [FACTORS, 'factors have no heads or neurons to cut: put it before the factorisation'],
  ],
  svd: NOT_FACTORISED_YET,
  wsvd: NOT_FACTORISED_YET,
  tucker: NOT_FACTORISED_YET,
  wtucker: NOT_FACTORISED_YET,
  tucker3: NOT_FACTORISED_YET,
  budget: [],
  student: [
    [
      ['q8', 'e8', ...SPARSE, 'heads', ...FACTORS],
      'a student replaces the weights, so that earlier compression is lost: put it first (only vocab may come before it)',
    ],
  ],
}

/** Throws at the first step that makes no sense after the ones before it. */
export function checkOrder(steps: readonly Step[]): void {
  steps.forEach((step, i) => {
    for (const before of steps.slice(0, i)) {
      if (before.kind === 'budget' && step.kind !== 'vocab' && step.kind !== 'e8')
        throw new Error(
          `recipe: '${step.text}' after '${before.text}': every layer has the form that the budget chose; apply it to the uncompressed model`,
        )
      if (before.kind === step.kind && !SPARSE.some((kind) => kind === step.kind))
        throw new Error(`recipe: '${step.text}' after '${before.text}': the step was applied already; apply it once`)
      const rule = FORBIDDEN[step.kind].find(([kinds]) => kinds.includes(before.kind))
      if (rule) throw new Error(`recipe: '${step.text}' after '${before.text}': ${rule[1]}`)
    }
  })
}
