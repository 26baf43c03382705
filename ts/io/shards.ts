// The files of a model whose weights lie in several parts, by the index beside them.

export const INDEX_FILE = 'model.safetensors.index.json'

/** The files that model.safetensors.index.json names. @throws where it is not such an index */
export function shardsOf(index: string, where: string): Set<string> {
  const refuse = (found: string): never => {
    throw new Error(
      `${where}: ${INDEX_FILE} ${found}; expected {"weight_map": {"a tensor": "a file.safetensors"}}: fetch it again`,
    )
  }
  let json: unknown
  try {
    json = JSON.parse(index)
  } catch (error) {
    const isPage = /^\s*</.test(index)
    return refuse(isPage ? 'is a page of HTML, not JSON' : `is not JSON (${(error as Error).message})`)
  }
  const map = (json as { weight_map?: unknown } | null)?.weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map) || Object.keys(map).length === 0)
    return refuse(json === null ? 'is null' : 'has no weight_map')
  for (const [tensor, name] of Object.entries(map))
    if (typeof name !== 'string' || !/^[\w][\w.-]*\.safetensors$/.test(name))
      refuse(`names the file ${JSON.stringify(name)} for '${tensor}'`)
  return new Set(Object.values(map as Record<string, string>))
}
