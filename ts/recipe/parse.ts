// A recipe's text: steps joined by '+', applied left to right, and which step may follow which.

import { definitionOf, STEPS, type Step } from './steps/index.ts'
import type { Effect } from './step.ts'

/** The steps there are, with their syntax and meaning; for errors and help texts. */
export const STEP_SYNTAX: readonly (readonly [syntax: string, meaning: string])[] = STEPS.flatMap(
  ({ syntax }) => syntax,
)

/** The same as lines of text. */
export const stepHelp = (): string =>
  STEP_SYNTAX.map(([syntax, meaning]) => `  ${syntax.padEnd(16)} ${meaning}`).join('\n')

/** A step that a row of its syntax describes: the example in its words, or the syntax where that has no numbers. */
export const exampleOf = (syntax: string, meaning: string): string => /e\.g\. ([^ ;,]+)/.exec(meaning)?.[1] ?? syntax

/** Steps of a recipe such as 'sp80x4+q8+e8'; '' has none. Throws on unknown steps, bad numbers and senseless orders. */
export const parseRecipe = (recipe: string): Step[] => parseSteps(recipe, parseStep)

/** The same for a shape, which takes what texts would decide: `vocab:24000`. */
export const parseRecipeOfShape = (recipe: string): Step[] => parseSteps(recipe, parseStepOfShape)

/** The text of a recipe. */
export function formatRecipe(steps: readonly Step[]): string {
  return steps.map(({ text }) => text).join('+')
}

function parseSteps(recipe: string, parse: (text: string) => Step): Step[] {
  if (recipe.trim() === '') return []
  const steps = recipe.split('+').map((text) => parse(text.trim()))
  checkOrder(steps)
  return steps
}

function parseStepOfShape(text: string): Step {
  for (const { parseOfShape } of STEPS) {
    const numbers = parseOfShape?.(text)
    if (numbers) return { ...numbers, text } as Step
  }
  return parseStep(text)
}

function parseStep(text: string): Step {
  for (const { parse } of STEPS) {
    const numbers = parse(text)
    if (numbers) return { ...numbers, text } as Step
  }
  throw new Error(`recipe: unknown step '${text}'. The steps there are, joined by '+':\n${stepHelp()}`)
}

const OF_WORDS: readonly Effect[] = ['int8 words', 'vocabulary']

/** That a step changes the encoder's layers, and not the word table alone. */
export const changesLayers = (step: Step): boolean => !OF_WORDS.includes(definitionOf(step).leaves)

/**
 * Throws at the first step that makes no sense after the ones before it.
 * @param made how many of the steps the model came with
 */
export function checkOrder(steps: readonly Step[], made = 0): void {
  const model = `; the model came as '${formatRecipe(steps.slice(0, made))}': begin with the one that it was made of`
  steps.forEach((step, i) => {
    const { cannotFollow } = definitionOf(step)
    for (const [at, before] of steps.slice(0, i).entries()) {
      const earlier = definitionOf(before).leaves
      const refuse = (why: string): never => {
        throw new Error(`recipe: '${step.text}' after '${before.text}': ${why}${at < made ? model : ''}`)
      }
      if (earlier === 'chosen' && changesLayers(step))
        refuse('every layer has the format that the budget chose; apply it to the uncompressed model')
      const why = cannotFollow[earlier]
      if (why !== undefined) refuse(why)
      if (before.kind === step.kind) refuse('the step was applied already; apply it once')
    }
  })
}
