// `npm run faults` breaks the code and sees tests fail, which takes minutes; here, that it still can.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { BREAKAGES } from './breakages.ts'

const ROOT = join(import.meta.dirname, '../..')

it('every breakage changes one place, and names a test that there is', () => {
  for (const { fault, broken, file, instead, by, test } of BREAKAGES) {
    const parts = readFileSync(join(ROOT, file), 'utf8').split(instead)
    expect(parts.length, `${fault}, ${broken}: ${file} holds '${instead}'`).toBe(2)
    expect(by).not.toBe(instead)
    const path = join(ROOT, `${test[0]}.test.ts`)
    expect(existsSync(path), path).toBe(true)
  }
  // the words of two breakages of one fault tell them apart
  expect(new Set(BREAKAGES.map(({ fault, broken }) => `${fault} ${broken}`)).size).toBe(BREAKAGES.length)
})
