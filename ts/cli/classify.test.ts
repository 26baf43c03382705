import { describe, expect, it } from 'vitest'
import { parseLines } from './stdin-lines.ts'

async function parse(pieces: (string | Buffer)[], form: 'auto' | 'lines' | 'jsonl' = 'auto') {
  async function* stream() {
    yield* pieces
  }
  const groups: string[][] = []
  for await (const group of parseLines(stream(), form))
    groups.push(group.map((line) => ('text' in line ? line.text : `line ${line.line} ${line.error}`)))
  return groups
}

describe('parseLines', () => {
  it('keeps every line, empty ones and one without its end', async () => {
    expect(await parse(['one\n\nthree\r\nfo', 'ur'])).toEqual([['one', '', 'three'], ['four']])
  })
  it('joins letters that were cut between pieces', async () => {
    const bytes = Buffer.from('да\nнет\n')
    expect((await parse([bytes.subarray(0, 1), bytes.subarray(1, 8), bytes.subarray(8)])).flat()).toEqual(['да', 'нет'])
  })
  it('sees JSONL by its first line', async () => {
    expect((await parse(['{"text":"a","id":1}\n{"text":"b"}\n'])).flat()).toEqual(['a', 'b'])
    expect((await parse(['{smile} hello\n{"text":"b"}\n'])).flat()).toEqual(['{smile} hello', '{"text":"b"}'])
  })
  it('reads past a byte order mark, and past empty lines of JSONL', async () => {
    expect((await parse(['\uFEFF{"text":"a"}\n\n{"text":"b"}\r\n\r\n'])).flat()).toEqual(['a', 'b'])
    expect((await parse(['\uFEFFone\n'])).flat()).toEqual(['one'])
  })
  it('names the line that is wrong, and reads the others', async () => {
    expect((await parse(['{"text":"a"}\n{"txt":"b"}\nplain\n{"text":"c"}\n'])).flat()).toEqual([
      'a',
      expect.stringMatching(/^line 2 has no string "text"/),
      expect.stringMatching(/^line 3 is not JSON.*--input lines/),
      'c',
    ])
  })
  it('names a second text that is no string', async () => {
    const lines = '{"text":"a","text_pair":"b"}\n{"text":"c","text_pair":1}\n{"text":"d","text_pair":null}\n'
    expect((await parse([lines])).flat()).toEqual(['a', expect.stringMatching(/^line 2 has a "text_pair" that/), 'd'])
  })
  it('takes other encodings for what they are', async () => {
    const latin = Buffer.from('caf\xe9 good\nplain\n', 'latin1')
    expect((await parse([latin])).flat()).toEqual([expect.stringMatching(/^line 1 is not UTF-8; .*iconv/), 'plain'])
    const utf16 = Buffer.from('\ufeffgood\nжизнь\n', 'utf16le')
    const pieces = [...utf16].map((byte) => Buffer.of(byte))
    expect((await parse(pieces)).flat()).toEqual(['good', 'жизнь'])
    expect((await parse([Buffer.from(utf16).swap16()])).flat()).toEqual(['good', 'жизнь'])
    const unmarked = (await parse([utf16.subarray(2)])).flat()
    expect(unmarked[0]).toMatch(/^line 1 holds NUL.*UTF-16/)
    const notes: string[] = []
    for await (const _ of parseLines(
      (async function* () {
        yield utf16
      })(),
      'auto',
      (text) => notes.push(text),
    ));
    expect(notes).toEqual(['stdin is UTF-16LE by its byte order mark: decoded'])
  })
})
