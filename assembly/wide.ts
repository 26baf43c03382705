// The inference module for engines that run pairs of vectors as one of 256 bits: index.ts with the tiles and the probe of that
// module. It keeps the narrow tiles, which a caller may name, and which take the panel of n:m that is left alone.

export * from './exports'
export * from './exports-wide'
export { run, probe_dot } from './index'
export { probe_vectors } from './probe-wide'
