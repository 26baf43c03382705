// The digests that a folder of a model carries, as `sha256sum --check` reads them.

/** The file of a folder that lists the SHA-256 of the others. */
export const SUMS_FILE = 'SHA256SUMS'

export interface FileDigest {
  name: string
  sha256: string | null
  /** 'unlisted': nothing says what it shall be */
  state: 'as written' | 'differs' | 'missing' | 'unlisted'
}

/**
 * SHA-256 by file name, of the text of SHA256SUMS.
 * @param where for messages
 * @throws where a line is no digest and a file below the folder
 */
export function parseSums(text: string, where: string): Map<string, string> {
  const listed = new Map<string, string>()
  for (const line of text.split('\n').filter((part) => part !== '')) {
    const [, sha256, name] = /^([0-9a-f]{64}) [ *](\w[^\\]*)$/.exec(line) ?? []
    if (!sha256 || name.split('/').includes('..'))
      throw new Error(`${where}: ${SUMS_FILE} has the line ${JSON.stringify(line)}, expected a SHA-256 and a file`)
    listed.set(name, sha256)
  }
  return listed
}

/** What a file with this digest is by the list; null: there is no such file. */
export function digestState(sha256: string | null, expected: string | undefined): FileDigest['state'] {
  if (!expected) return 'unlisted'
  if (sha256 === null) return 'missing'
  return sha256 === expected ? 'as written' : 'differs'
}
