// Numbers inside a step's text.

/** A decimal number without sign or exponent. */
export const NUMBER = '(\\d+(?:\\.\\d+)?|\\.\\d+)'

export const badNumber = (text: string, found: string, expected: string): Error =>
  new Error(`recipe: step '${text}': found ${found}, expected ${expected}`)

/** A share of the weights from a percentage. @throws where it is not between 0 and 100 % */
export function shareOf(text: string, percent: string): number {
  if (!(Number(percent) > 0 && Number(percent) < 100))
    throw badNumber(text, `${percent} %`, 'more than 0 and less than 100 %')
  return Number(percent) / 100
}

/** A rank: a share of the full rank up to 1, a number of factors above. @throws where it is neither */
export function rankOf(text: string, found: string): number {
  const R = Number(found)
  if (!(R > 0)) throw badNumber(text, found, 'a share of the full rank (0 to 1) or a rank above 1')
  if (R > 1 && !Number.isInteger(R)) throw badNumber(text, found, 'a whole number where it is above 1')
  return R
}
