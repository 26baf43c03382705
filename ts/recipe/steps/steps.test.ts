import { expect, test } from 'vitest'
import { exampleOf, parseRecipe } from '../parse.ts'
import { STEPS } from './index.ts'

test("a step's examples are that step, and no two steps have one kind", () => {
  expect(new Set(STEPS.map(({ kind }) => kind)).size).toBe(STEPS.length)
  const wrong = STEPS.flatMap(({ kind, syntax }) =>
    syntax
      .map(([text, meaning]) => exampleOf(text, meaning))
      .map((text) => ({ text, kind, found: parseRecipe(text)[0].kind }))
      .filter(({ found }) => found !== kind),
  )
  expect(wrong).toEqual([])
})
