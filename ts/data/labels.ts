// The data's labels beside a model's own.

import type { PreparedData } from './prepare.ts'

export interface LabelOrder {
  /** the model's labels */
  labels: string[]
  /** the model's class for each of the data's */
  order: number[]
  /** what was assumed; '' where names agree */
  note: string
}

/**
 * Which of the model's labels each of the data's is: by name, else by number (0, 1, ...), else by place where the model's
 * are nameless (LABEL_0, 1). Places say nothing about names: 'neg, pos' would be 'positive, negative'.
 * @param found the data's labels, in order
 * @param labels the model's
 * @param source the model, for messages
 * @returns null where none of these fits
 */
export function findLabelOrder(found: string[], labels: string[], source: string): LabelOrder | null {
  const fold = (label: string): string => label.toLowerCase()
  const byName = found.map((label) => labels.findIndex((known) => fold(known) === fold(label)))
  if (!byName.includes(-1)) return { labels, order: byName, note: '' }
  const note = `the data's labels (${found.join(', ')}) are taken for ${source}'s (${labels.join(', ')})`
  if (found.every((label) => /^\d+$/.test(label) && Number(label) < labels.length))
    return { labels, order: found.map(Number), note: `${note} by their numbers` }
  const isNameless = labels.every((label) => /^(label_)?\d+$/i.test(label))
  if (isNameless && found.length === labels.length)
    return { labels, order: found.map((_, i) => i), note: `${note} in this order` }
  return null
}

/** As `findLabelOrder`. @throws where none fits */
export function matchLabels(found: string[], labels: string[], source: string): LabelOrder {
  const order = findLabelOrder(found, labels, source)
  if (order) return order
  throw new Error(
    `the data has ${found.length} labels (${found.join(', ')}), ${source} has ${labels.length} (${labels.join(', ')}); expected the same names, or numbers from 0: rename them in the data`,
  )
}

/** Puts the data's labels into the model's order, in place. */
export function applyLabelOrder(data: PreparedData, { labels, order, note }: LabelOrder): void {
  for (const part of [data.train, data.validation, data.test])
    part.forEach((row, i) => (part[i] = { ...row, label: order[row.label] }))
  data.labels = labels
  if (note) data.notes.push(note)
}
