// The table of the study that this project reproduces: its ten rows with its own figures.

/** The study itself. */
export const PAPER = {
  authors: 'Torkunova & Milovanov',
  title: 'Neural networks optimization: methods and their comparison based off text intellectual analysis',
  year: 2023,
} as const

/** What the paper reports: megabytes (10^6 bytes), F1, seconds a text. Null where it has no figure. */
export interface PaperFigures {
  megabytes: number
  f1: number
  gpuSeconds: number | null
  cpuSeconds: number
}

const figures = (megabytes: number, f1: number, gpuSeconds: number | null, cpuSeconds: number): PaperFigures => ({
  megabytes,
  f1,
  gpuSeconds,
  cpuSeconds,
})

export const PAPER_BASELINE = figures(711, 0.966, 0.036, 1.51)

/** By the id of our row, in the order of the paper's table. */
export const PAPER_ROWS: ReadonlyMap<string, PaperFigures> = new Map([
  ['baseline', PAPER_BASELINE],
  ['q8', figures(454, 0.966, null, 1.18)],
  ['q8+e8', figures(179, 0.966, null, 0.13)],
  ['tucker', figures(385, 0.966, 0.036, 0.78)],
  ['tucker+e8', figures(109, 0.967, null, 0.817)],
  ['student', figures(10.3, 0.952, 0.005, 0.12)],
  ['student+q8+e8', figures(2.68, 0.952, null, 0.105)],
  ['student+tucker', figures(3.43, 0.951, 0.02, 0.11)],
  ['student+tucker+e8', figures(1.69, 0.958, null, 0.1)],
  ['pruned', figures(598, 0.975, 0.029, 1.15)],
])
