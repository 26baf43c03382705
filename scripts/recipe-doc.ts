// README's table of recipe steps, from the steps themselves. With --check it writes nothing and fails where README differs.

import { readFileSync, writeFileSync } from 'node:fs'
import { STEPS } from '../ts/recipe/steps/index.ts'
import { exampleOf, parseRecipe } from '../ts/recipe/parse.ts'

const HEADER = '| step | what it does | needs |\n|---|---|---|\n'

/** The step's own words and what it cannot do without. */
function rows(): string {
  return STEPS.flatMap((step) =>
    step.syntax.map(([syntax, meaning]) => {
      const needs = Object.values(step.texts(parseRecipe(exampleOf(syntax, meaning))[0]))
      const words = needs.includes('needed') ? 'texts' : needs.includes('helpful') ? 'better with texts' : ''
      return `| \`${syntax}\` | ${meaning} | ${words && `${words} `}|\n`
    }),
  ).join('')
}

const readme = readFileSync('README.md', 'utf8')
const at = readme.indexOf(HEADER)
if (at < 0) throw new Error(`README.md has no table that begins ${JSON.stringify(HEADER)}`)
const end = readme.indexOf('\n\n', at) + 1
const wanted = readme.slice(0, at) + HEADER + rows() + readme.slice(end)
if (wanted !== readme) {
  if (process.argv.includes('--check'))
    throw new Error('README.md is not what the steps say: run npm run docs and commit it')
  writeFileSync('README.md', wanted)
  console.log('wrote README.md')
}
