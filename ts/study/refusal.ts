/** An error in words about the model, not one of the system or of the program. */
export const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && error.constructor === Error && !('code' in error)
