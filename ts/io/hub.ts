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
