// What the cards of the page's models promise of texts that no model was trained on.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { pipeline } from '../ts/index.ts'

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))

it('the mail model tells at least 36 of 40 plain e-mails written by hand', async () => {
  const rows = readFileSync(at('testing/texts/plain-mails.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { label: string; text: string })
  expect(rows).toHaveLength(40)
  await using classify = await pipeline('text-classification', at('app/models/mail'), { device: 'cpu', threads: 1 })
  const answers = await classify(rows.map(({ text }) => text))
  const right = answers.filter((answer, i) => 'label' in answer && answer.label === rows[i].label)
  expect(right.length).toBeGreaterThanOrEqual(36)
})
