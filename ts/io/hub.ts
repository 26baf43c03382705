// Addresses of models on a Hugging Face hub.

/** The public hub; HF_ENDPOINT names another one where there is an environment. */
export function hubEndpoint(): string {
  const set = typeof process === 'undefined' ? undefined : process.env?.HF_ENDPOINT
  return (set || 'https://huggingface.co').replace(/\/+$/, '')
}

/** The folder of a repository's files at a revision. */
export function hubAddress(id: string, revision = 'main'): string {
  if (!isHubId(id)) throw new Error(`'${id}' is no hub id; expected org/name`)
  return `${hubEndpoint()}/${id}/resolve/${encodeURIComponent(revision)}/`
}

/** True for `name` and `org/name` as the hub allows them. */
export const isHubId = (id: string): boolean => /^[\w-][\w.-]{0,95}(\/[\w-][\w.-]{0,95})?$/.test(id)
