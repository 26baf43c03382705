/** Thrown where a run ends early because its signal said so; everything finished is on disk. */
export class Stopped extends Error {
  constructor(message = 'stopped; run the same command again to go on') {
    super(message)
    this.name = 'AbortError'
  }
}
