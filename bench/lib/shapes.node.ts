// Shape files from disk.

import { readFile, readdir } from 'node:fs/promises'
import { parseShapes, type LinearShape } from './shapes.ts'

const FOLDER = new URL('../shapes/', import.meta.url)

/** Reads bench/shapes/<name>.txt; a wrong name is answered with the names there are. */
export async function readShapes(name: string): Promise<LinearShape[]> {
  const names = (await readdir(FOLDER)).filter((f) => f.endsWith('.txt')).map((f) => f.slice(0, -4))
  if (!names.includes(name)) throw new Error(`shapes '${name}' do not exist; there are ${names.sort().join(', ')}`)
  return parseShapes(await readFile(new URL(`${name}.txt`, FOLDER), 'utf8'), `bench/shapes/${name}.txt`)
}
