/** Thrown where a run ends early because its signal said so; everything finished is on disk. */
export class Stopped extends Error {
  constructor() {
    super('stopped; run the same command again to go on')
    this.name = 'AbortError'
  }
}
