// The examples that split lines over processes, on the engines that are installed: GNU parallel, and PySpark with a Java.

import { execFile, execFileSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MAIN, makePlace, type Place } from './command-line.ts'

const run = promisify(execFile)
const PIPE = fileURLToPath(new URL('../examples/spark/pipe.py', import.meta.url))
const PYTHON = process.env.PYTHON ?? 'python3'
const COUNT = 2000

let place: Place
beforeAll(async () => {
  place = await makePlace()
  const lines = Array.from({ length: COUNT }, (_, id) => JSON.stringify({ id, text: id % 2 ? 'a good film' : 'bad !' }))
  await writeFile(join(place.folder, 'texts.jsonl'), `${lines.join('\n')}\n`)
})
afterAll(() => place.remove())

/** Declares the test where its engine is installed, else says that it is not. */
function onEngine(name: string, commands: [string, string[]][], test: () => Promise<void>): void {
  try {
    for (const [command, args] of commands) execFileSync(command, args, { stdio: 'ignore' })
  } catch {
    console.warn(`${name} is not installed: its example was not run`)
    return
  }
  it(`${name} gives every line its answer`, test)
}

function expectEachOnce(answers: string): void {
  const ids = answers
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: number; label: string }).id)
  expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, id) => id))
}

onEngine('GNU parallel', [['parallel', ['--version']]], async () => {
  const command = `parallel --pipe -k -j 2 --block 30k ${process.execPath} ${MAIN} classify model --threads 1 --device cpu`
  const { stdout } = await run('sh', ['-c', `${command} < texts.jsonl`], { cwd: place.folder })
  expectEachOnce(stdout)
})

const SPARK: [string, string[]][] = [
  [PYTHON, ['-c', 'import pyspark']],
  ['java', ['-version']],
]
onEngine('PySpark with a Java', SPARK, async () => {
  const command = `${process.execPath} ${MAIN}`
  const given = [join(place.folder, 'model'), 'texts.jsonl', 'answers', '--command', command, '--partitions', '2']
  await run(PYTHON, [PIPE, ...given, '--master', 'local[2,2]'], { cwd: place.folder })
  const parts = (await readdir(join(place.folder, 'answers'))).filter((name) => name.startsWith('part-'))
  const answers = await Promise.all(parts.map((name) => readFile(join(place.folder, 'answers', name), 'utf8')))
  expectEachOnce(answers.join(''))
})

it('the examples are there', async () => {
  expect(await readFile(PIPE, 'utf8')).toMatch(/classify .*--threads 1/)
})
