// The variants of a model that the page offers: as its files are, as dense f32, and what recipes make of that.

/** The files as they are. */
export const AS_SHIPPED = 'shipped'
/** Every weight multiplied out: what another framework would run. */
export const DENSE = 'f32'

/** Recipes that need neither texts nor training, so that a page can apply them. */
export const RECIPES = ['q8', 'q8+e8', 'sp80', 'sp80x4+q8+e8', 'nm2:4', 'svd:0.5', 'svd:0.25+q8+e8'] as const

export const VARIANTS: readonly string[] = [AS_SHIPPED, DENSE, ...RECIPES]
