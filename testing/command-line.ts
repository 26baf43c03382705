// The command line from outside, started as a user would, in a folder with a small model and data. Imported by tests only.

import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { randomModel } from '../ts/model/preset.ts'
import { saveModel } from '../ts/model/save.ts'
import { tokenizerFromVocabulary } from '../ts/text/bare-vocabulary.ts'

export const MAIN = fileURLToPath(new URL('../ts/cli/main.ts', import.meta.url))
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film', 'a', 'very', '!']

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** One sentence for people: the program's name, no stack. */
export function expectSentence({ code, stderr, stdout }: Ended, words: RegExp, expectedCode = 1): void {
  expect(stderr).toMatch(words)
  expect(code).toBe(expectedCode)
  expect(stdout).toBe('')
  expect(stderr).not.toMatch(/\n\s+at /)
}

export interface Place {
  folder: string
  /** of a classifier of one layer, `model` in the folder; `data.csv` beside it has 60 texts */
  model: string
  /** Starts the command in the folder and waits for its end. */
  run(args: string[], options?: { input?: string; env?: Record<string, string> }): Promise<Ended>
  remove(): Promise<void>
}

export async function makePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'cli-'))
  const model = join(folder, 'model')
  const tokenizer = tokenizerFromVocabulary(WORDS, { lowercase: true })
  const weights = randomModel(
    {
      vocabSize: WORDS.length,
      hiddenSize: 32,
      layers: 1,
      heads: 2,
      intermediateSize: 64,
      maxPositions: 12,
      typeVocabSize: 2,
      layerNormEpsilon: 1e-12,
      labels: ['negative', 'positive'],
      recipe: '',
      lowercase: true,
    },
    3,
  )
  // larger than BERT's own start, so that classes differ from text to text
  for (const linear of [weights.classifier!, weights.pooler!])
    if (linear.weight.kind === 'f32') linear.weight.data.forEach((w, i, all) => (all[i] = w * 40))
  await saveModel(weights, model, {
    files: Object.fromEntries(tokenizer.files().map(({ name, content }) => [name, content])),
  })
  await writeFile(
    join(folder, 'data.csv'),
    `text,label\n${Array.from({ length: 60 }, (_, i) => (i % 2 ? `a very good film ${i},positive` : `a bad film ${i},negative`)).join('\n')}\n`,
  )
  return {
    folder,
    model,
    run: (args, options = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { ...process.env, ...options.env } })
        const ended: Ended = { code: null, stdout: '', stderr: '' }
        child.stdout.on('data', (piece) => (ended.stdout += piece))
        child.stderr.on('data', (piece) => (ended.stderr += piece))
        child.on('error', reject)
        child.on('close', (code) => resolve({ ...ended, code }))
        child.stdin.end(options.input ?? '')
      }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
