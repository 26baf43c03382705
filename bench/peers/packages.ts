// The peers' packages on disk.

import { existsSync, readFileSync, readdirSync } from 'node:fs'

/** jax-js is a package of the repository's own tests. */
const ROOTS = ['./node_modules/', '../../node_modules/']

function packageFile(name: string, path: string): URL {
  const urls = ROOTS.map((root) => new URL(`${root}${name}/${path}`, import.meta.url))
  return urls.find((url) => existsSync(url)) ?? urls[0]
}

export const isInstalled = (name: string): boolean => existsSync(packageFile(name, 'package.json'))

export function packageVersion(name: string): string {
  return (JSON.parse(readFileSync(packageFile(name, 'package.json'), 'utf8')) as { version: string }).version
}

/** The files right in a package's folder, by name. */
export function packageFiles(name: string, folder: string): Map<string, URL> {
  const names = readdirSync(packageFile(name, folder), { withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(names.map((entry) => [entry.name, packageFile(name, `${folder}/${entry.name}`)]))
}
