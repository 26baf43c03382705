// The peers are hundreds of megabytes that nobody needs to use the package: the bench fetches them when it is asked to
// compare with them, at the versions of the lock file beside this.

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isInstalled } from './packages.ts'

const PACKAGES = [
  'onnxruntime-web',
  'onnxruntime-node',
  '@litertjs/core',
  '@tensorflow/tfjs-backend-wasm',
  '@huggingface/transformers',
]
const FOLDER = fileURLToPath(new URL('.', import.meta.url))

export const peersInstalled = (): boolean => PACKAGES.every(isInstalled)

/** Installs bench/peers once; says so; throws with what to do where npm fails. */
export function installPeers(log: (line: string) => void): void {
  if (peersInstalled()) return
  log('bench: installing the peers (about 720 MB) with `npm ci --ignore-scripts` in bench/peers …')
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: FOLDER,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr ?? error).trim()
    throw new Error(
      `the peers could not be installed; run \`npm ci --ignore-scripts\` in bench/peers where there is a network, ` +
        `or leave --peers out. npm said: ${said.slice(-600)}`,
      { cause: error },
    )
  }
}
