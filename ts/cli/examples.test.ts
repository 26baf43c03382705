// Every verb's help ends with examples, and the parser takes each of them.

import { readdirSync } from 'node:fs'
import { Command } from '@commander-js/extra-typings'
import { describe, expect, it } from 'vitest'
import { benchProgram } from '../../bench/main.ts'
import { examples } from './examples.ts'

interface Verb {
  declare?: (program: Command) => void
}

/** All verbs that lie in the folder, as the command line declares them. */
async function allVerbs(): Promise<Command> {
  const program = new Command('compact-kernels').exitOverride().enablePositionalOptions()
  for (const name of readdirSync(new URL('verbs/', import.meta.url)).filter((file) => file.endsWith('.ts')))
    ((await import(new URL(`verbs/${name}`, import.meta.url).href)) as Verb).declare?.(program)
  return program
}

/** The commands below, theirs included. */
const below = (command: Command): Command[] =>
  (command.commands as unknown as Command[]).flatMap((found) => [found, ...below(found)])

/** What a command prints for --help. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp()
  return text
}

/** The arguments of each example, without the shell's part. */
function examplesIn(help: string): string[][] {
  const lines = help
    .slice(help.search(/^Examples?:$/m))
    .replace(/ \\\n +/g, ' ')
    .split('\n')
  return lines
    .map((line) => /^ {2}(?:.*[|&] |parallel .* )?compact-kernels (.*?)(?: [<>|#].*)?$/.exec(line)?.[1])
    .filter((found) => found !== undefined)
    .map((found) => [...found.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word))
}

/** Runs the parser alone. @returns the name of the command that would have run */
async function parse(program: Command, words: string[]): Promise<string> {
  let ran = ''
  for (const command of below(program))
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .action((() => void (ran = command.name())) as never)
  await program.parseAsync(words, { from: 'user' })
  return ran
}

const NAMES = below(await allVerbs()).map((command) => command.name())

describe('examples in help', () => {
  it('are of all verbs', () => {
    for (const name of ['study', 'merge', 'train', 'distil', 'compress', 'evaluate', 'classify', 'inspect', 'verify'])
      expect(NAMES).toContain(name)
  })

  it.each(NAMES.filter((name) => name !== 'bench'))('%s', async (name) => {
    const help = helpOf(below(await allVerbs()).find((command) => command.name() === name)!)
    const found = examplesIn(help)
    expect(found.length).toBeGreaterThan(0)
    for (const words of found) expect(await parse(await allVerbs(), words)).toBe(name)
  })

  it('bench, which has one of each of its own commands', async () => {
    const found = examplesIn(helpOf(benchProgram('')))
    const ran = await Promise.all(found.map(([, ...words]) => parse(benchProgram(''), words)))
    expect(new Set(ran)).toEqual(new Set(below(benchProgram('')).map((command) => command.name())))
  })

  it('a parser that refuses an option is seen', async () => {
    await expect(parse(await allVerbs(), ['inspect', '--recipes', 'q8'])).rejects.toThrow(/unknown option/)
    await expect(parse(await allVerbs(), ['train', '--data', 'a.csv'])).rejects.toThrow(/--out/)
  })
})

it('folds a long command as a shell reads it', () => {
  const command = `compact-kernels compress my-model ${'--recipe sp80x4+q8+e8 '.repeat(4)}--out x`
  const lines = examples(command).split('\n').slice(2)
  expect(lines.length).toBeGreaterThan(1)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
  expect(examplesIn(examples(command))).toEqual([command.split(' ').slice(1)])
})
