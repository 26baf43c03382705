// `bench`: hands its arguments to the bench of a clone.

import type { Command } from '@commander-js/extra-typings'

export const declare = (program: Command): void =>
  void program
    .command('bench')
    .description('time kernels and models, beside onnxruntime where asked (see: bench --help)')
    .argument('[arguments...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(run)

/**
 * The bench is above this code, so that no import may name it: it is found by its place beside the sources. The built
 * package does not have it, since its peers and browsers are those of a clone.
 */
async function run(rest: string[]): Promise<void> {
  const { access } = await import('node:fs/promises')
  const url = new URL('../../../bench/main.ts', import.meta.url)
  try {
    await access(url)
  } catch {
    throw new Error('the bench is not part of this installation; run it from a clone of the repository')
  }
  const { main } = (await import(url.href)) as { main: (argv: string[]) => Promise<number> }
  process.exitCode = await main(rest)
}
