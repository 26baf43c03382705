import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TextPreparation } from './preparation.ts'
import { preparedTokenizer, prepareText } from './prepare.ts'
import { tokenizerFromVocabulary } from './bare-vocabulary.ts'

const prepare = (text: string, steps: TextPreparation['steps'], language: TextPreparation['language'] = 'auto') =>
  prepareText(text, { steps, language })

describe('normalise', () => {
  it.each([
    ['a <b>good</b> film<br/>and<p>more</p>', 'a good film and more'],
    ['wo<i>rd</i>s &amp; &laquo;signs&raquo; &#39;x&#x27; &nbsp;y', "words & «signs» 'x' y"],
    ['before<script>var a = "<b>"</script><style>p { }</style>after', 'before after'],
    ['<!-- nothing -->kept', 'kept'],
    ['I <3 it, 1 < 2 and 3 > 2', 'I <3 it, 1 < 2 and 3 > 2'],
    ['never closed <b and the rest', 'never closed <b and the rest'],
    ['ｆｕｌｌ ﬁne e\u0301', 'full fine é'],
    ['see https://a.example/x?y=1&z=2. And (www.b.example)!', 'see link. And (link)!'],
    ['смотри http://пример.рф/путь, да', 'смотри link, да'],
    ['mail a.b+c@mail.example.org, @user_1 and [id15|Иван Петров]!', 'mail email, mention and mention!'],
    ['soft\u00adhyphen zero\u200bwidth\u0007bell \ufeffmark', 'softhyphen zerowidthbell mark'],
    ['👩\u200d🚀 stays', '👩\u200d🚀 stays'],
    ['  one \t two\r\n\u00a0three  ', 'one two three'],
    ['<br>', ''],
    ['nothing to do: 5%, «да»!', 'nothing to do: 5%, «да»!'],
  ])('%j', (text, expected) => {
    expect(prepare(text, ['normalise'])).toBe(expected)
  })
  it('ends with single spaces and no control characters whatever it gets', () => {
    const pieces = fc.constantFrom('<b>', '</p>', '<', '>', '&lt;', '&#0;', '@', 'a.b@c.de', ' ', '\n', '\u200b', 'x')
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((list) => list.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const result = prepare(text, ['normalise'])
        expect(result).not.toMatch(/\s\s|^\s|\s$|[\t\n\r]|\p{Cc}/u)
      }),
      { seed: 1, numRuns: 300 },
    )
  })
  it('takes time in proportion to a hostile text', () => {
    const began = performance.now()
    for (const piece of ['<', '<a ', '&', 'a@', '@', 'http://', '[id1|', '<!--', 'a.'])
      prepare(piece.repeat(20_000), ['normalise'])
    expect(performance.now() - began).toBeLessThan(3000)
  })
})

describe('stop words and stems', () => {
  it('takes function words out and leaves what negates or judges', () => {
    expect(prepare('This is not a very good film, and I don’t like it', ['stopwords'])).toBe(
      'not very good film, don’t like',
    )
    expect(prepare('Там было не очень хорошо, и он был мне не нужен', ['stopwords'])).toBe('не очень хорошо, не нужен')
  })
  it.each([
    ['en', 'running consisted generalizations skies loving films', 'run consist gener ski love film'],
    ['ru', 'вагонов важнейшими красивая книгами Ёлки понравилось', 'вагон важн красив книг елк понрав'],
  ] as const)('stems %s as Snowball does', (language, words, expected) => {
    expect(prepare(words, ['stem'], language)).toBe(expected)
  })
  it('chooses the language of each text by its letters', () => {
    expect(prepare('понравилось films', ['stem'])).toBe('понрав films')
    expect(prepare('films loved и', ['stem'])).toBe('film love и')
    expect(prepare('понравилось', ['stem'], 'en')).toBe('понравилось')
  })
  it('runs the steps in one order', () => {
    const text = 'The <b>films</b> were &laquo;not&raquo; loved'
    expect(prepare(text, ['stem', 'normalise', 'stopwords'])).toBe('film «not» love')
    expect(prepare(text, [])).toBe(text)
  })
})

describe('preparedTokenizer', () => {
  it('prepares before it encodes, and keeps its files', () => {
    const plain = tokenizerFromVocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'film', 'love'], {
      lowercase: true,
    })
    const prepared = preparedTokenizer(plain, { steps: ['normalise', 'stopwords', 'stem'], language: 'auto' })
    expect([...prepared.encode('I <i>loved</i> the films', 16)]).toEqual([2, 6, 5, 3])
    expect(prepared.files()).toEqual(plain.files())
    expect(preparedTokenizer(plain, undefined)).toBe(plain)
  })
})
