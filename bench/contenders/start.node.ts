// A pipeline's start in a process of Node, of the package as it is installed.

import { startContender } from '../lib/start.ts'
import { version } from '../lib/version.ts'

type Package = typeof import('../../ts/index.ts')

export const createContender = () =>
  startContender(version(), () => import(new URL('../../dist/ts/index.js', import.meta.url).href) as Promise<Package>)
