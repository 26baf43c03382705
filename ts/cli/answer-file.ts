// The file that answers go to: one whole line each, so that a run that was stopped goes on after the last whole one.

import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { UsageError } from './failure.ts'

const NEWLINE = 10

export interface AnswerFile {
  /** whole lines that were there already */
  answered: number
  write(text: string): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the file for writing after its last whole line; a line without its end is cut off, since it is written again.
 * @throws UsageError where the file holds something and `resume` is not set
 */
export async function openAnswerFile(path: string, resume: boolean): Promise<AnswerFile> {
  const file = await open(path, resume ? 'a+' : 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
    throw new UsageError(`${path} is there already; add --resume to go on after its lines, or remove it`)
  })
  try {
    const { lines, bytes } = await wholeLines(path)
    await cutTo(file, bytes)
    return {
      answered: lines,
      write: (text) => file.appendFile(text),
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Cuts a line off that lacks its end; what is no regular file, such as a pipe, has nothing to cut. */
async function cutTo(file: FileHandle, bytes: number): Promise<void> {
  const found = await file.stat()
  if (found.isFile() && found.size > bytes) await file.truncate(bytes)
}

async function wholeLines(path: string): Promise<{ lines: number; bytes: number }> {
  let [lines, bytes, read] = [0, 0, 0]
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) {
      lines++
      bytes = read + at + 1
    }
    read += piece.length
  }
  return { lines, bytes }
}
