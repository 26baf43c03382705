import { expect, it } from 'vitest'
import { readShapes } from './shapes.node.ts'
import { parseShapes } from './shapes.ts'

it('reads M N K and the comment', () => {
  expect(parseShapes('# head\n128 768 3072  # output: 12\n\n', 'x.txt')).toEqual([
    { M: 128, N: 768, K: 3072, note: 'output: 12' },
  ])
})

it.each([
  ['128 768', "line 1: expected 'M N K'"],
  ['1 2 3\n1 0 3', 'line 2'],
  ['# nothing', 'no shape in it'],
])('refuses %j', (text, message) => {
  expect(() => parseShapes(text, 'x.txt')).toThrow(message)
})

it('reads every file there is, and names them where one is missing', async () => {
  for (const name of ['bert-base', 'bert-base-t16', 'bert-tiny', 'minilm'])
    expect((await readShapes(name)).length).toBeGreaterThan(0)
  await expect(readShapes('../secret')).rejects.toThrow('there are bert-base, bert-base-t16')
})
