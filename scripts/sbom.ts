// npm run sbom [-- FILE]: a software bill of materials in CycloneDX 1.6, from package-lock.json, with licences, and of the
// files in the repository that are no text. Where a licence is not known, it fails.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { binaryFiles } from './binaries.ts'
import { VENDORED } from './package/vendor.ts'

interface LockedPackage {
  version?: string
  license?: string
  integrity?: string
  optional?: boolean
  peer?: boolean
  link?: boolean
  dependencies?: Record<string, string>
}

export interface Component {
  type: 'library' | 'file'
  name: string
  version?: string
  purl?: string
  scope?: 'required' | 'optional' | 'excluded'
  licenses?: [{ license: { id: string } } | { expression: string }]
  hashes?: { alg: string; content: string }[]
  description?: string
}

const NODE_MODULES = 'node_modules/'

/** The places in a lock file of packages and of all that they need. */
function closure(names: readonly string[], packages: Record<string, LockedPackage>): Set<string> {
  const found = new Set<string>()
  const add = (name: string, from: string): void => {
    // the nearest folder upwards, as an import finds it
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf(NODE_MODULES) - 1))) {
      const path = `${folder === '' ? '' : `${folder}/`}${NODE_MODULES}${name}`
      if (packages[path]) {
        if (found.has(path)) return
        found.add(path)
        for (const needed of Object.keys(packages[path].dependencies ?? {})) add(needed, path)
        return
      }
      if (folder === '') throw new Error(`package-lock.json has no ${name}`)
    }
  }
  for (const name of names) add(name, '')
  return found
}

/** The packages of a lock file: 'required' where dist/vendor has their files; 'excluded', as the format calls it, where only developers need them. */
export function componentsOf(lock: { packages: Record<string, LockedPackage> }): Component[] {
  const shipped = closure(VENDORED, lock.packages)
  return Object.entries(lock.packages)
    .filter(([path, { link }]) => path !== '' && !link)
    .map(([path, { version = '', license = '', integrity, optional, peer }]): Component => {
      const name = path.slice(path.lastIndexOf(NODE_MODULES) + NODE_MODULES.length)
      const [, algorithm, digest] = /^sha(\d+)-(.+)$/.exec(integrity ?? '') ?? []
      return {
        type: 'library',
        name,
        version,
        purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
        scope: shipped.has(path) ? 'required' : optional || peer ? 'optional' : 'excluded',
        licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }],
        ...(digest && {
          hashes: [{ alg: `SHA-${algorithm}`, content: Buffer.from(digest, 'base64').toString('hex') }],
        }),
      }
    })
    .sort((a, b) => (a.purl! < b.purl! ? -1 : 1))
}

/** The whole document; the same lock file and tree give the same bytes. */
export function bomOf(manifest: { name: string; version: string; license: string }, components: Component[]): object {
  const { name, version, license } = manifest
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'library',
        name,
        version,
        purl: `pkg:npm/${name}@${version}`,
        licenses: [{ license: { id: license } }],
      },
    },
    components,
  }
}

const licenceOf = ({ licenses }: Component): string => {
  const [found] = licenses ?? []
  return found ? ('expression' in found ? found.expression : found.license.id) : ''
}

/** Packages by licence, most first. */
export function licencesOf(components: Component[]): [licence: string, packages: number][] {
  const counts = new Map<string, number>()
  for (const component of components) counts.set(licenceOf(component), (counts.get(licenceOf(component)) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)
}

function main(): void {
  const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'))
  const packages = componentsOf(read('package-lock.json') as Parameters<typeof componentsOf>[0])
  const unknown = packages.filter((component) => licenceOf(component) === '')
  if (unknown.length > 0)
    throw new Error(
      `no licence in package-lock.json for ${unknown.map(({ name }) => name).join(', ')}; look it up and add it`,
    )
  const files = binaryFiles().map(({ path, made }): Component => ({
    type: 'file',
    name: path,
    description: made,
    hashes: [
      {
        alg: 'SHA-256',
        content: createHash('sha256')
          .update(readFileSync(new URL(`../${path}`, import.meta.url)))
          .digest('hex'),
      },
    ],
  }))
  const bom = bomOf(read('package.json') as Parameters<typeof bomOf>[0], [...packages, ...files])
  const text = `${JSON.stringify(bom, null, 2)}\n`
  // an option is no file: it is refused
  const [out] = parseArgs({ allowPositionals: true }).positionals
  if (out) writeFileSync(out, text)
  else process.stdout.write(text)
  const shipped = packages.filter(({ scope }) => scope === 'required')
  const words = (components: Component[]): string =>
    licencesOf(components)
      .map(([licence, count]) => `${licence} ${count}`)
      .join(', ')
  process.stderr.write(
    `${packages.length} packages: ${words(packages)}\nin dist/vendor ${shipped.length}: ${words(shipped)}\n`,
  )
  process.stderr.write(`${files.length} files that are no text\n`)
}

if (import.meta.main) main()
