import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseRecipe } from './parse.ts'
import { STEPS } from './steps/index.ts'

test("README's table of steps is what the steps say of themselves", () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const table = /\| step \| what it does \| needs \|\n\|---\|---\|---\|\n((?:\|.*\n)+)/.exec(readme)?.[1]
  const rows = STEPS.flatMap((step) => step.readme).map(
    ([step, meaning, needs]) => `| ${step} | ${meaning} |${needs && ` ${needs}`} |\n`,
  )
  expect(table).toBe(rows.join(''))
})

test("a step's examples are that step, and no two steps have one kind", () => {
  expect(new Set(STEPS.map(({ kind }) => kind)).size).toBe(STEPS.length)
  const wrong = STEPS.flatMap(({ kind, syntax, readme }) => {
    const inHelp = syntax.flatMap(([, meaning]) =>
      [...meaning.matchAll(/e\.g\. ([^ ;,]+)/g)].map(([, example]) => example),
    )
    const inReadme = readme.flatMap(([steps]) => [...steps.matchAll(/`([^`]+)`/g)].map(([, example]) => example))
    return [...inHelp, ...inReadme.map((example) => example.replace(/:(R|…)$/, ':0.5').replace('NAME', 'mini'))]
      .map((text) => ({ text, kind, found: parseRecipe(text)[0].kind }))
      .filter(({ found }) => found !== kind)
  })
  expect(wrong).toEqual([])
})
