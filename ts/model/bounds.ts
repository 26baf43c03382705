/** Sizes that no encoder has; they keep a broken file from asking for all memory. */
export const BOUNDS = { vocab: 10_000_000, width: 65_536, layers: 512, positions: 1_000_000, labels: 1_000_000 }
