import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatRecipe, parseRecipe, STEP_SYNTAX } from './parse.ts'

describe('parseRecipe', () => {
  test('reads every step and its numbers', () => {
    expect(parseRecipe('vocab+heads8-ffn2048+tucker:0.25+sp80x4+q8+e8')).toEqual([
      { kind: 'vocab', text: 'vocab' },
      { kind: 'heads', text: 'heads8-ffn2048', heads: 8, ffn: 2048 },
      { kind: 'tucker', text: 'tucker:0.25', R: 0.25 },
      { kind: 'sparse', text: 'sp80x4', sparsity: 0.8, blocks: true },
      { kind: 'q8', text: 'q8' },
      { kind: 'e8', text: 'e8' },
    ])
    expect(parseRecipe('student:mini-4.b+nm2:4')).toEqual([
      { kind: 'student', text: 'student:mini-4.b', name: 'mini-4.b' },
      { kind: 'nm', text: 'nm2:4', n: 2, m: 4 },
    ])
    expect(parseRecipe('svd:.5')).toEqual([{ kind: 'svd', text: 'svd:.5', rank: { by: 'rank', R: 0.5 } }])
    expect(parseRecipe('wsvd:96+e8')[0]).toEqual({ kind: 'wsvd', text: 'wsvd:96', rank: { by: 'rank', R: 96 } })
    expect(parseRecipe('svd:e0.9')[0]).toEqual({ kind: 'svd', text: 'svd:e0.9', rank: { by: 'energy', share: 0.9 } })
    expect(parseRecipe('wsvd:2.5MB')[0]).toEqual({
      kind: 'wsvd',
      text: 'wsvd:2.5MB',
      rank: { by: 'bytes', bytes: 2.5e6 },
    })
    expect(parseRecipe('tucker3:64')).toEqual([{ kind: 'tucker3', text: 'tucker3:64', R: 64 }])
    expect(parseRecipe('wtucker:0.25')).toEqual([{ kind: 'wtucker', text: 'wtucker:0.25', R: 0.25 }])
    expect(parseRecipe('sp97.5')).toEqual([{ kind: 'sparse', text: 'sp97.5', sparsity: 0.975, blocks: false }])
    expect(parseRecipe('')).toEqual([])
    expect(parseRecipe('sp80x16x32+q8:static')).toEqual([
      { kind: 'tiles', text: 'sp80x16x32', sparsity: 0.8 },
      { kind: 'q8', text: 'q8:static', isStatic: true },
    ])
    expect(parseRecipe('wanda80x4+q8:tensor')).toEqual([
      { kind: 'wanda', text: 'wanda80x4', sparsity: 0.8, blocks: true },
      { kind: 'q8', text: 'q8:tensor', perTensor: true },
    ])
    for (const text of ['q8:shift,gptq', 'q8:gptq:shift'])
      expect(parseRecipe(text)).toEqual([{ kind: 'q8', text, shifts: true, compensates: true }])
    for (const text of ['q8:tensor,static', 'q8:static,tensor'])
      expect(parseRecipe(`wanda50+${text}`)).toEqual([
        { kind: 'wanda', text: 'wanda50', sparsity: 0.5, blocks: false },
        { kind: 'q8', text, perTensor: true, isStatic: true },
      ])
    expect(STEP_SYNTAX.map(([syntax]) => syntax)).toContain('q8:tensor,static')
  })

  test('reads what a budget chose, as a record that only vocab and e8 may follow', () => {
    for (const text of ['budget:5MB', 'budget:0.5ms', 'max-loss:1%']) {
      expect(parseRecipe(`student:mini+${text}+vocab+e8`)[1]).toEqual({ kind: 'budget', text })
      for (const step of ['q8', 'sp80', 'svd:0.5', 'student:mini'])
        expect(() => parseRecipe(`${text}+${step}`)).toThrow(`'${step}' after '${text}': every layer has the format`)
    }
    expect(() => parseRecipe('budget:5')).toThrow("unknown step 'budget:5'")
  })

  test.each([
    'q9',
    'Q8',
    'sp',
    'sp80x8',
    'sp80x16',
    'wanda',
    'wanda80x16x32',
    'q8:',
    'q8:row',
    'sp-5',
    'svd',
    'svd:',
    'svd:-1',
    'svd:1e3',
    'svd:2.5mb',
    'wsvd:e',
    'tucker:e0.9',
    'wtucker:2MB',
    'student:',
    'student:../x',
    'nm2',
    'heads8',
    '',
    'q8 e8',
  ])("the unknown step '%s' is refused with the list of steps", (step) => {
    for (const recipe of [`q8+${step}`, `${step}+e8`]) {
      expect(() => parseRecipe(recipe)).toThrow(`unknown step '${step}'`)
      for (const [syntax] of STEP_SYNTAX) expect(() => parseRecipe(recipe)).toThrow(syntax)
    }
  })

  test('a size of the vocabulary is refused with the verb that takes it', () => {
    expect(() => parseRecipe('vocab:4650+q8')).toThrow(/'vocab:4650': found a size, expected vocab alone.*only inspect/)
  })

  test.each([
    ['sp0', '0 %'],
    ['sp100', '100 %'],
    ['wanda100', '100 %'],
    ['sp0x16x32', '0 %'],
    ['nm4:4', '4 of 4'],
    ['nm0:4', '0 of 4'],
    ['nm2:400', '2 of 400'],
    ['heads0-ffn2048', '0 heads'],
    ['heads13-ffn2048', '13 heads'],
    ['heads8-ffn4096', '4096 neurons'],
    ['svd:0', 'found 0'],
    ['tucker:1.5', 'found 1.5'],
    ['wsvd:2.5', 'found 2.5'],
    ['svd:e1', 'found 1'],
    ['svd:e0', 'found 0'],
    ['wsvd:0MB', 'found 0 MB'],
  ])("the number in '%s' is refused: %s", (recipe, found) => {
    expect(() => parseRecipe(recipe)).toThrow(found)
    expect(() => parseRecipe(recipe)).toThrow('expected')
  })

  test.each([
    ['q8+q8', 'apply it once'],
    ['e8+q8+e8', 'apply it once'],
    ['q8+sp80', 'before q8'],
    ['q8+nm2:4', 'before q8'],
    ['q8+heads8-ffn2048', 'before q8'],
    ['q8+svd:0.25', 'before q8'],
    ['q8+e8+tucker:0.25', 'before q8'],
    ['sp80+sp90x4', 'one kind of sparsity'],
    ['sp80+sp80', 'one kind of sparsity'],
    ['wanda80+sp80', 'one kind of sparsity'],
    ['wanda80+wanda80', 'one kind of sparsity'],
    ['sp80x16x32+nm2:4', 'one kind of sparsity'],
    ['q8:static+wanda80', 'before q8'],
    ['q8+q8:tensor', 'apply it once'],
    ['wanda80+heads8-ffn2048', 'before the sparsity'],
    ['nm2:4+sp80', 'one kind of sparsity'],
    ['sp80+svd:0.25', 'before the sparsity'],
    ['sp80x4+heads8-ffn2048', 'before the sparsity'],
    ['svd:0.25+tucker:0.25', 'choose svd or tucker'],
    ['wsvd:0.25+wtucker:0.25', 'choose svd or tucker'],
    ['q8+wsvd:e0.9', 'before q8'],
    ['tucker:0.5+heads8-ffn2048', 'before the factorisation'],
    ['e8+student:mini', 'put it first'],
  ])("the order '%s' is refused: %s", (recipe, why) => {
    expect(() => parseRecipe(recipe)).toThrow(why)
  })

  test.each(['vocab+student:mini+sp80x4+q8+e8', 'e8+q8', 'svd:0.25+sp80+q8', 'q8+vocab', 'heads8-ffn2048+nm2:4+e8'])(
    "the order '%s' is allowed",
    (recipe) => {
      expect(formatRecipe(parseRecipe(recipe))).toBe(recipe)
    },
  )

  test('any text is either parsed so that it prints back the same, or refused with an Error that says recipe', () => {
    const piece = fc.oneof(
      fc.constantFrom('q8', 'e8', 'vocab', 'sp80', 'sp80x4', 'nm2:4', 'heads8-ffn2048', 'svd:0.25', 'tucker:96'),
      fc.constantFrom('sp', 'x4', ':', '+', '-', '0', '9', '.', ' ', 'q', 'student:', 'heads', 'ffn', 'constructor'),
      fc.string({ maxLength: 4 }),
    )
    let parsed = 0
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 4 }), fc.constantFrom('+', ''), (pieces, glue) => {
        const recipe = pieces.join(glue)
        try {
          const steps = parseRecipe(recipe)
          parsed++
          expect(parseRecipe(formatRecipe(steps))).toEqual(steps)
        } catch (error) {
          expect((error as Error).message).toMatch(/^recipe: /)
        }
      }),
      { seed: 42, numRuns: 2000 },
    )
    expect(parsed).toBeGreaterThan(50)
  })
})
