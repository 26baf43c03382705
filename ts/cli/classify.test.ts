import { describe, expect, it } from 'vitest'
import { parseLines } from './classify.ts'

async function parse(pieces: (string | Buffer)[], form: 'auto' | 'lines' | 'jsonl' = 'auto') {
  async function* stream() {
    yield* pieces
  }
  const groups: string[][] = []
  for await (const group of parseLines(stream(), form)) groups.push(group.map(({ text }) => text))
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
  it('names the line that is wrong', async () => {
    await expect(parse(['{"text":"a"}\n{"txt":"b"}\n'])).rejects.toThrow(/line 2 has no string "text"/)
    await expect(parse(['{"text":"a"}\nplain\n'])).rejects.toThrow(/line 2 is not JSON.*--input lines/)
  })
})
