/// <reference lib="esnext.disposable" preserve="true" />
// What holds memory, threads or files, for `using` and `await using`.

/** Freed at once: `using held = …`. */
export interface Held {
  /** Frees what it holds. May be called again. */
  dispose(): void
  [Symbol.dispose](): void
}

/** Freed by work that takes a while: `await using held = …`. */
export interface HeldAsync {
  /** Frees what it holds. May be called again. */
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
