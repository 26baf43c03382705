// Where models come from, with the names that transformers.js has. Set before models are opened.

import type { KeptFiles } from '../io/kept-files.ts'

export interface Environment {
  /** models may be fetched; false has the effect of local_files_only everywhere */
  allowRemoteModels: boolean
  /** host of the models that are fetched; null for the hub, or in Node what HF_ENDPOINT names */
  remoteHost: string | null
  /** path on that host */
  remotePathTemplate: string
  /** localModelPath is looked at first; true in Node, false in pages */
  allowLocalModels: boolean
  /** a folder, in pages an address, under which models lie by their names */
  localModelPath: string
  /** what was fetched from other hosts than the hub is kept, in pages in the browser's cache */
  useBrowserCache: boolean
  /** the same in Node */
  useFSCache: boolean
  /** folder of that cache in Node; the user's folder of caches where it is null */
  cacheDir: string | null
  useCustomCache: boolean
  /** an object with `match` and `put`, as Cache Storage has them */
  customCache: KeptFiles | null
  /** for private models: sent as Authorization: Bearer to the host that models are fetched from; in Node HF_TOKEN too */
  token: string | null
  /** sent with every request to that host */
  headers: Record<string, string>
}

const isPage = typeof process === 'undefined' || !process.versions?.node

export const env: Environment = {
  allowRemoteModels: true,
  remoteHost: null,
  remotePathTemplate: '{model}/resolve/{revision}/',
  allowLocalModels: !isPage,
  localModelPath: isPage ? '/models/' : './models/',
  useBrowserCache: true,
  useFSCache: true,
  cacheDir: null,
  useCustomCache: false,
  customCache: null,
  token: null,
  headers: {},
}
