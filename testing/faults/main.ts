// npm run faults -- [WORDS ...] [--write]: makes each breakage of breakages.ts in a copy of the tree and sees its test
// fail. WORDS choose those whose fault contains one; --write puts the table into docs/trust.md.

import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BREAKAGES, type Breakage } from './breakages.ts'

const ROOT = join(import.meta.dirname, '../..')
const DOC = join(ROOT, 'docs/trust.md')
const TABLE = /(<!-- broken -->\n)[^]*?(<!-- \/broken -->)/
/** A test that hangs is one that fails. */
const TEST_MS = 90_000
/** Characters of a failure that the table shows. */
const MOST_WORDS = 140

/** What git tracks or does not ignore, and what is made of it; node_modules is a link. */
async function copyTree(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faults-'))
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' })
  const files = listed
    .split('\0')
    .filter((file) => /^(kernels|scripts|testing|ts|assembly|shaders)\/|^[\w.-]+$/.test(file))
  for (const file of [...files, 'kernels/generated', 'build/wasm'])
    if (existsSync(join(ROOT, file))) await cp(join(ROOT, file), join(folder, file), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

interface Found {
  isFailed: boolean
  /** first line of the failure, or why no test ran */
  words: string
}

/** Runs the test of a breakage in the copy. */
async function runTest(folder: string, [file, name]: Breakage['test']): Promise<Found> {
  const report = join(folder, 'report.json')
  const args = ['run', `${file}.test.ts`, '-t', name, '--maxWorkers', '1', '--testTimeout', String(TEST_MS)]
  await new Promise<void>((resolve) =>
    execFile(
      join(ROOT, 'node_modules/.bin/vitest'),
      [...args, '--reporter', 'json', '--outputFile', report],
      { cwd: folder, maxBuffer: 1 << 26, timeout: 120_000 },
      () => resolve(),
    ),
  )
  const text = await readFile(report, 'utf8').catch(() => '')
  await rm(report, { force: true })
  if (!text) return { isFailed: false, words: 'no test ran' }
  const { testResults } = JSON.parse(text) as {
    testResults: { message: string; assertionResults: { status: string; failureMessages: string[] }[] }[]
  }
  const results = testResults.flatMap(({ assertionResults }) => assertionResults)
  const failed = results.find(({ status }) => status === 'failed')
  if (!failed) return { isFailed: false, words: testResults[0]?.message.split('\n')[0] || 'every test passed' }
  return { isFailed: true, words: failed.failureMessages[0].split('\n')[0].replaceAll(folder, '') }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean' } } })
  const chosen = BREAKAGES.filter(({ fault }) => positionals.length === 0 || positionals.some((w) => fault.includes(w)))
  if (chosen.length === 0) throw new Error(`no fault of breakages.ts contains ${positionals.join(', ')}`)
  if (values.write && positionals.length > 0) throw new Error('--write takes no words: the table holds all faults')
  const folder = await copyTree()
  const rows: string[][] = []
  let passed = 0
  try {
    for (const file of new Set(chosen.map(({ test }) => test[0]))) {
      const { isFailed, words } = await runTest(folder, [file, ''])
      if (isFailed) throw new Error(`${file}.test.ts fails before anything is broken: ${words}`)
    }
    for (const { fault, broken, file, instead, by, test } of chosen) {
      const path = join(folder, file)
      const whole = await readFile(path, 'utf8')
      if (whole.split(instead).length !== 2) throw new Error(`${file} does not hold '${instead}' once`)
      await writeFile(
        path,
        whole.replace(instead, () => by),
      )
      const { isFailed, words } = await runTest(folder, test)
      await writeFile(path, whole)
      if (!isFailed) passed++
      process.stdout.write(`${isFailed ? 'failed' : 'NOT SEEN TO FAIL'}: ${fault}: ${broken}: ${words}\n`)
      rows.push([fault, `${broken} (\`${file}\`)`, `\`${shortened(words)}\``])
    }
  } finally {
    await rm(folder, { recursive: true })
  }
  process.stdout.write(`${chosen.length} breakages, ${chosen.length - passed} seen to fail, ${passed} not\n`)
  process.exitCode = passed > 0 ? 1 : 0
  if (values.write) await put(rows)
}

/** For a cell between backticks. */
function shortened(words: string): string {
  const plain = words.replaceAll('`', "'").replaceAll('|', '\\|').replaceAll(tmpdir(), '')
  return plain.length > MOST_WORDS ? `${plain.slice(0, MOST_WORDS)} …` : plain
}

async function put(rows: string[][]): Promise<void> {
  const page = await readFile(DOC, 'utf8')
  if (!TABLE.test(page)) throw new Error('docs/trust.md has no lines <!-- broken --> and <!-- /broken -->')
  const table = [
    `\`npm run faults -- --write\`, ${new Date().toISOString().slice(0, 10)}:`,
    '',
    '| fault | what was broken | the first line of the failure |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n')
  const text = page.replace(TABLE, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`)
  await writeFile(DOC, text)
}

await main()
