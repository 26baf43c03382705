// How often the package `webgpu` asks Dawn whether something is done.

let isCalm = false

/**
 * From now on polls of native code wait a millisecond. The package `webgpu` polls by `setImmediate`, without a pause, for as
 * long as anything is compiled, run or read back. On a real GPU that costs a core that waits anyway, but a software adapter
 * computes on it: where a program has one core, int8 kernels are compiled and tested in half the time with pauses. Callbacks
 * written in JavaScript are not delayed.
 */
export function calmPolls(): void {
  if (isCalm) return
  isCalm = true
  const immediate = globalThis.setImmediate
  const calm = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown =>
    isNative(callback) ? setTimeout(callback, 1) : immediate(callback, ...args)
  globalThis.setImmediate = Object.assign(calm, immediate) as typeof setImmediate
}

/** A function of an addon: native, without name and parameters. A promise's `resolve` has one, a bound function a name. */
const isNative = (callback: { name: string; length: number }): boolean =>
  callback.name === '' && callback.length === 0 && String(callback).endsWith('{ [native code] }')
