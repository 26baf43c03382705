// The study: `compact-kernels/study`. Node only.

export type { Reporter } from './inference/reporter.ts'
export { reportHtml } from './report/report.ts'
export { recommend } from './report/recommend.ts'
export type { GpuLatency, Latency, Recommendation, StudyResults, StudyRow, StudySettings } from './report/results.ts'
export { seedsMarkdown, summarizeSeeds } from './report/seeds.ts'
export type { SeedSummary } from './report/seeds.ts'
export { tableMarkdown } from './report/table.ts'
export { ROWS as STUDY_ROWS } from './study/catalogue.ts'
export type { RowPlan } from './study/catalogue.ts'
export type { StudyOptions } from './study/settings.ts'
export { runStudy } from './study/study.ts'
export type { StudyEnd } from './study/study.ts'
