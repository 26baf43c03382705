/** What makes Node run pairs of vectors as one of 256 bits: an experiment of V8, off by default, for a whole process. */
export const WIDE_FLAG = '--experimental-wasm-revectorize'
