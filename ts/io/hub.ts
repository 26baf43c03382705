// Addresses of models on a Hugging Face hub.

/** The hub at `given`; else the one that HF_ENDPOINT names, where there is an environment; else the public one. */
export function hubEndpoint(given?: string): string {
  const set = typeof process === 'undefined' ? undefined : process.env?.HF_ENDPOINT
  return (given ?? (set || 'https://huggingface.co')).replace(/\/+$/, '')
}

/** The folder of a repository's files at a revision. */
export function hubAddress(id: string, revision = 'main', endpoint?: string): string {
  if (!isHubId(id)) throw new Error(`'${id}' is no hub id; expected org/name`)
  checkRevision(revision)
  return `${hubEndpoint(endpoint)}/${id}/resolve/${encodeURIComponent(revision)}/`
}

/** @throws where it is no branch, tag or commit: it becomes part of a path */
export function checkRevision(revision: string): void {
  if (revision.length > 255 || !/^\w[\w.-]*(\/\w[\w.-]*)*$/.test(revision))
    throw new Error(`'${revision}' is no revision; expected a branch, a tag or a commit`)
}

/** A revision that never changes. */
export const isCommit = (revision: string | undefined): boolean => /^[0-9a-f]{40}$/.test(revision ?? '')

/** True for `name` and `org/name` as the hub allows them. */
export const isHubId = (id: string): boolean => /^[\w-][\w.-]{0,95}(\/[\w-][\w.-]{0,95})?$/.test(id)

/** What the hub lists of a file; nothing of it is sure. */
export interface ListedFile {
  path: string
  size: number
  oid?: string
  /** of a large one */
  lfs?: { oid: string }
}

/** What a file must be: SHA-256 of its content, or SHA-1 as git has it, of "blob <bytes>\0" and its content. */
export interface ObjectName {
  algorithm: 'sha256' | 'sha1'
  hex: string
}

/**
 * What a listed file must be: SHA-256 for large files, else git's SHA-1. In Node it becomes the name of a file in the cache.
 * @throws where the hub lists something else
 */
export function objectOf({ path, oid, lfs }: ListedFile, who: string): ObjectName {
  const [algorithm, hex, digits] = lfs ? (['sha256', lfs.oid, 64] as const) : (['sha1', oid, 40] as const)
  if (typeof hex !== 'string' || !new RegExp(`^[0-9a-f]{${digits}}$`).test(hex))
    throw new Error(`${who} names the object ${JSON.stringify(hex)} for ${path}, expected ${digits} hex digits`)
  return { algorithm, hex }
}
