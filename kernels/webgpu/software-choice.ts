/** 'never' refuses adapters that emulate a GPU on the CPU. */
export type SoftwareChoice = 'allow' | 'never'
