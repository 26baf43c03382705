import { access } from 'node:fs/promises'

/**
 * Hands the arguments to the bench, which is above this code in the house: it is found by its place at run time,
 * beside the sources or beside the built files.
 */
export async function benchCommand(rest: string[]): Promise<void> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const url = new URL(`../../bench/main.${extension}`, import.meta.url)
  try {
    await access(url)
  } catch {
    throw new Error('the bench is not part of this installation; run it from a clone of the repository')
  }
  const { main } = (await import(url.href)) as { main: (argv: string[]) => Promise<number> }
  process.exitCode = await main(rest)
}
