// `classify` from file to file: bad lines, a run that goes on, fields of the input's own.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePlace, type Place } from '../../testing/command-line.ts'

let place: Place
beforeAll(async () => void (place = await makePlace()))
afterAll(() => place.remove())

const put = (name: string, text: string): Promise<void> => writeFile(join(place.folder, name), text)
const read = (name: string): Promise<string> => readFile(join(place.folder, name), 'utf8')
const LINES = [
  '{"text":"a good film","id":1}',
  '{"txt":"b"}',
  '{"text":"a bad film","id":3}',
  '{"text":"good !","id":4}',
]

describe('classify --in --out', () => {
  it('answers every line, a bad one with an error', async () => {
    await put('in.jsonl', `${LINES.join('\n')}\n`)
    const { code, stdout, stderr } = await place.run(['classify', 'model', '--in', 'in.jsonl', '--out', 'all.jsonl'])
    const answers = (await read('all.jsonl'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(answers).toMatchObject([
      { id: 1, text: 'a good film', label: expect.any(String), score: expect.any(Number) },
      { error: expect.stringMatching(/^in.jsonl: line 2 has no string "text"/) },
      { id: 3 },
      { id: 4 },
    ])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/in.jsonl: line 2 .*the others were classified/)
  })
  it('goes on after the whole lines of the output, and ends with the same bytes', async () => {
    const whole = await read('all.jsonl')
    const cut = whole.indexOf('\n', whole.indexOf('\n') + 1) + 9
    await put('some.jsonl', whole.slice(0, cut))
    const given = ['classify', 'model', '--in', 'in.jsonl', '--out', 'some.jsonl']
    const refused = await place.run(given)
    expect([refused.code, await read('some.jsonl')]).toEqual([2, whole.slice(0, cut)])
    expect(refused.stderr).toMatch(/some.jsonl is there already; add --resume/)
    await place.run([...given, '--resume'])
    expect(await read('some.jsonl')).toBe(whole)
  })
  it('stops at a bad line where it is told to', async () => {
    const { code, stdout, stderr } = await place.run(['classify', 'model', '--in', 'in.jsonl', '--on-error', 'stop'])
    expect([code, stdout.split('\n').length]).toEqual([1, 2])
    expect(stderr).toMatch(/line 2 .*the lines before it were classified/)
  })
  it('keeps fields that have the names of answers', async () => {
    const input = '{"text":"a good film","label":"gold","score":7}\n'
    const { stdout, stderr } = await place.run(['classify', 'model'], { input })
    expect(JSON.parse(stdout)).toMatchObject({ label: 'gold', score: 7, predicted_label: expect.any(String) })
    expect(stderr).toMatch(/1 lines have a label.*predicted_label/)
  })
})

it('says its version, shows examples, and exits with 2 where it is asked wrongly', async () => {
  expect((await place.run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect((await place.run(['--help'])).stdout).toMatch(/Examples:\n {2}compact-kernels study/)
  for (const wrong of [
    ['compress', 'model', '--recipe', 'foo', '--out', 'x'],
    ['classify', 'model', '--resume'],
    ['classify', 'model', '--on-error', 'maybe'],
    ['unheard'],
  ])
    expect((await place.run(wrong)).code, wrong.join(' ')).toBe(2)
})
