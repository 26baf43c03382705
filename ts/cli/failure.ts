// How the command ends: codes, and one sentence where it failed.

/** Options that are wrong, or do not go together: exit code 2. */
export class UsageError extends Error {}

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2
  // stopped from the keyboard
  if ((error as Error | null)?.name === 'AbortError') return 130
  return 1
}

/** The sentence for stderr: what was expected, what was found, what to do. */
export function failureSentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, path } = error as NodeJS.ErrnoException
  const where = path ? ` ${path}` : ''
  switch (code) {
    case 'ENOENT':
      return `there is no file${where}; check the path`
    case 'EACCES':
    case 'EPERM':
      return `${where.trim() || 'a file'} may not be opened; check its permissions`
    case 'EISDIR':
      return `${where.trim() || 'the path'} is a folder, expected a file`
    case 'EROFS':
      return `${where.trim() || 'the place'} is on a disk that is read-only; choose another place`
    case 'ENOSPC':
      return 'the disk is full; free some space and run the same command again'
    default:
      return error.message
  }
}
