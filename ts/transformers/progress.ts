// Progress events with the names and fields that transformers.js gives them.

import type { Progress } from '../io/folder.ts'

export type ProgressInfo =
  | { status: 'initiate' | 'download' | 'done'; name: string; file: string }
  | { status: 'progress'; name: string; file: string; progress: number; loaded: number; total: number }
  | {
      status: 'progress_total'
      name: string
      /** percent */
      progress: number
      /** bytes */
      loaded: number
      total: number
      files: Record<string, { loaded: number; total: number }>
    }
  | { status: 'ready'; task: string; model: string }

export type ProgressCallback = (info: ProgressInfo) => void

/** Our events as theirs; 'ready' is the caller's to tell. */
export function progressOf(name: string, report: ProgressCallback | null | undefined): Progress | undefined {
  if (!report) return undefined
  const files: Record<string, { loaded: number; total: number }> = {}
  return ({ status, file, loaded = 0, total, progress }) => {
    if (status === 'ready') return
    if (status === 'progress') {
      files[file] = { loaded, total: total ?? loaded }
      const sum = (key: 'loaded' | 'total'): number => Object.values(files).reduce((all, one) => all + one[key], 0)
      const [allLoaded, allTotal] = [sum('loaded'), sum('total')]
      report({
        status: 'progress_total',
        name,
        progress: allTotal > 0 ? (100 * allLoaded) / allTotal : 0,
        loaded: allLoaded,
        total: allTotal,
        files: structuredClone(files),
      })
      report({ status, name, file, progress: progress ?? 0, loaded, total: total ?? loaded })
    } else report({ status, name, file })
  }
}
