// Elements, and numbers as a reader sees them.

type Child = Node | string | null | false
/** What can be assigned to an element: no methods, and what `Extra` sets in its own way. */
type Properties<T> = Partial<
  Omit<{ [K in keyof T as T[K] extends (...given: never[]) => unknown ? never : K]: T[K] }, keyof Extra>
>
interface Extra {
  class?: string
  attributes?: Record<string, string>
  on?: Partial<{ [E in keyof HTMLElementEventMap]: (event: HTMLElementEventMap[E]) => void }>
}

/** An element with its properties, attributes, listeners and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  given: Properties<HTMLElementTagNameMap[K]> & Extra = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const { class: name, attributes = {}, on = {}, ...properties } = given
  const made = document.createElement(tag)
  Object.assign(made, properties)
  if (name) made.className = name
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  for (const [type, listener] of Object.entries(on)) made.addEventListener(type, listener as EventListener)
  made.append(...children.filter((child) => child !== null && child !== false))
  return made
}

/** @throws where the page has no such element */
export function find<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no #${id}`)
  return found as T
}

/** Names, values and whether each can be chosen; the choice is kept where it is still there. */
export function fillSelect(
  select: HTMLSelectElement,
  options: readonly { value: string; name: string }[],
  chosen: string,
): void {
  select.replaceChildren(...options.map(({ value, name }) => new Option(name, value, false, value === chosen)))
}

/** A bar for a part of 1. */
export function meter(part: number, name: string): HTMLElement {
  const bar = element('span', {})
  bar.style.width = `${100 * Math.max(0, Math.min(1, part))}%`
  const values = { role: 'meter', 'aria-valuemin': '0', 'aria-valuemax': '1', 'aria-valuenow': part.toFixed(3) }
  return element('span', { class: 'meter', attributes: { ...values, 'aria-label': name } }, bar)
}

export interface TableOptions {
  caption: string
  /** columns from this one on hold numbers; all but the first if not given */
  numbersFrom?: number
  class?: string
}

/** A table whose first cell of a row is its header. */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | Node)[])[],
  { caption, numbersFrom = 1, class: name }: TableOptions,
): HTMLElement {
  const cell = (tag: 'td' | 'th', value: string | Node, column: number): HTMLElement =>
    element(tag, { class: column >= numbersFrom ? 'number' : '' }, value)
  const head = header.map((value, i) => {
    const made = cell('th', value, i)
    made.setAttribute('scope', 'col')
    return made
  })
  const body = rows.map((row) =>
    element(
      'tr',
      {},
      ...row.map((value, i) => {
        const made = cell(i === 0 ? 'th' : 'td', value, i)
        if (i === 0) made.setAttribute('scope', 'row')
        return made
      }),
    ),
  )
  const made = element(
    'table',
    { class: name },
    element('caption', {}, caption),
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...body),
  )
  // wide tables scroll inside the page, by keyboard too
  return element('div', { class: 'scroll', tabIndex: 0, attributes: { role: 'group', 'aria-label': caption } }, made)
}

/** Hands a file to the reader. */
export function save(name: string, content: string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  element('a', { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
