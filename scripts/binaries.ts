// The files of the repository that are no text, and what made each. One that no line here names fails the test.

import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** A file with a NUL in its first bytes is no text. */
const FIRST_BYTES = 8000

const PROVENANCE: [path: RegExp, made: string][] = [
  [/^testing\/compatibility\/fixtures\//, 'testing/compatibility/make.ts, by the version of the package that its folder stands for'],
  [/^testing\/families\/fixtures\/(models|refused)\//, 'bench/peers/family_fixtures.py and family_oracle.py (PyTorch, transformers), random weights'],
  [/^testing\/families\/fixtures\/tokenizers\//, 'bench/peers/tokenizer_oracle.py and hard_strings.py (Hugging Face tokenizers), trained on sentences written for it'],
  [/^docs\/page\.webp$/, 'testing/browser/app-picture.ts, from the page'],
  [/^(app\/)?models\/[^/]+\/model\.safetensors$/, 'npm run train, distil and compress; MODEL_CARD.md beside it has the commands and the data'],
] // prettier-ignore

export interface BinaryFile {
  path: string
  /** what made it; empty where nothing says */
  made: string
}

/** The tracked files that are no text. */
export function binaryFiles(): BinaryFile[] {
  const paths = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, maxBuffer: 1 << 26 })
    .toString()
    .split('\0')
  return paths
    .filter((path) => path !== '' && isBinary(`${ROOT}/${path}`))
    .map((path) => ({ path, made: PROVENANCE.find(([pattern]) => pattern.test(path))?.[1] ?? '' }))
}

function isBinary(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(FIRST_BYTES)
    return bytes.subarray(0, readSync(file, bytes)).includes(0)
  } finally {
    closeSync(file)
  }
}
