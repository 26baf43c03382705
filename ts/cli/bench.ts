import { access } from 'node:fs/promises'

/**
 * Hands the arguments to the bench, which is above this code in the house: it is found by its place beside the sources.
 * The built package is without it: its peers and browsers are a clone's.
 */
export async function benchCommand(rest: string[]): Promise<void> {
  const url = new URL('../../bench/main.ts', import.meta.url)
  try {
    await access(url)
  } catch {
    throw new Error('the bench is not part of this installation; run it from a clone of the repository')
  }
  const { main } = (await import(url.href)) as { main: (argv: string[]) => Promise<number> }
  process.exitCode = await main(rest)
}
