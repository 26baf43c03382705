// Models that lie in the repository of this package, by name. Node only.

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isThere } from './folder.node.ts'

const BUILTIN_MODELS: Readonly<Record<string, string>> = { encoder: 'models/encoder' }

/**
 * The package as this file's place gives it: ts/io as sources, dist/ts/io when built. By paths, since Next takes a `new URL` with
 * `import.meta.url` for a file to bundle.
 */
const HERE = dirname(fileURLToPath(import.meta.url))
const ROOTS = ['../..', '../../..'].map((up) => join(HERE, up))

/**
 * The folder of `builtin:NAME`.
 * @param roots where the package may be
 * @throws where there is no model of that name, or the package came without models, as from npm
 */
export async function builtinFolder(source: string, roots: readonly string[] = ROOTS): Promise<string> {
  const name = source.slice('builtin:'.length)
  if (!Object.hasOwn(BUILTIN_MODELS, name))
    throw new Error(
      `there is no model '${source}'; there is ${Object.keys(BUILTIN_MODELS)
        .map((known) => `builtin:${known}`)
        .join(', ')}`,
    )
  const path = BUILTIN_MODELS[name]
  for (const root of roots) {
    const folder = join(root, path)
    if (await isThere(join(folder, 'model.safetensors'))) return folder
  }
  throw new Error(
    `${source} is not here: the package from npm holds no models. Clone the repository, where it is ${path}, or give the path of that folder`,
  )
}
