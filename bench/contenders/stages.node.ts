// The stages of a start in a process of Node, of the package as it is installed.

import { readFile } from 'node:fs/promises'
import { stagesContender, type StageModules } from '../lib/stages.ts'
import { version } from '../lib/version.ts'

const FILES = ['kernels/wasm/device', 'kernels/wasm/pool', 'ts/inference/text-model', 'ts/inference/running-model']

/** What `npm run build` makes, and `npm ci` too. */
async function load(): Promise<StageModules> {
  const modules = await Promise.all(
    FILES.map(
      (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href) as Promise<Partial<StageModules>>,
    ),
  )
  return Object.assign({}, ...modules) as StageModules
}

export const createContender = () => stagesContender(version(), load, readFile)
