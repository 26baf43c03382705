// Russian for the review generator. Adjectives and past verbs agree with the thing judged: m, f, n or p (plural).

import { RUSSIAN_STATEMENTS } from './russian-statements.ts'
import type { Aspect, Language, Polarity } from './language.ts'

const words = (text: string): string[] => text.trim().split(/\s+/)
const FORMS = ['m', 'f', 'n', 'p']

// Endings by the class written after the stem: hard, after k/g/kh, after sibilants, stressed, stressed after k/g/kh.
const ENDINGS: Record<string, string[]> = {
  h: ['ый', 'ая', 'ое', 'ые'],
  k: ['ий', 'ая', 'ое', 'ие'],
  s: ['ий', 'ая', 'ее', 'ие'],
  o: ['ой', 'ая', 'ое', 'ые'],
  x: ['ой', 'ая', 'ое', 'ие'],
}

const ADJECTIVES: Record<Polarity, string[]> = {
  [1]: words(`отличн-h прекрасн-h замечательн-h великолепн-h интересн-h удачн-h приятн-h красив-h
    потрясающ-s шикарн-h хорош-s классн-h`),
  [-1]: words(`ужасн-h скучн-h плох-x отвратительн-h слаб-h нудн-h уныл-h кошмарн-h дешёв-h неудачн-h
    раздражающ-s груб-h`),
}
const EFFECTS: Record<Polarity, string[]> = {
  [1]: words('порадовал впечатлил восхитил'),
  [-1]: words('разочаровал утомил раздражал'),
}
const INTENSIFIERS = ['', '', '', 'очень', 'действительно', 'весьма', 'довольно']
const NEGATED_INTENSIFIERS = ['', '', '', '', 'очень', 'особенно']
const STRONG = ['абсолютно', 'невероятно', 'совершенно', 'безумно']
const WEAK = ['слегка', 'немного', 'чуть-чуть', 'местами']
const PEOPLE = ['сестра', 'соседка', 'моя коллега', 'мама', 'старая подруга', 'жена']
const DAYS = ['в пятницу', 'на прошлой неделе', 'в марте', 'вчера вечером', 'месяц назад', 'в воскресенье']
const PAINS = ['ждать часами', 'спать в кресле', 'читать об ошибках', 'стоять в очереди', 'спорить с роботом'].concat([
  'платить дважды',
  'мучиться головной болью',
  'выбрасывать деньги',
])

const aspects = (list: string): Aspect[] =>
  words(list).map((entry) => {
    const [text, form] = entry.split('-')
    return { text: text.replaceAll('_', ' '), form }
  })

const byForm = (aspect: Aspect, forms: string[]): string => forms[FORMS.indexOf(aspect.form)]

function adjective(entry: string, aspect: Aspect): string {
  const [stem, type] = entry.split('-')
  return stem + byForm(aspect, ENDINGS[type])
}

/** 'порадовал' -> порадовал, порадовала, порадовало, порадовали */
function pastVerb(masculine: string, aspect: Aspect): string {
  return masculine + byForm(aspect, ['', 'а', 'о', 'и'])
}

export const RUSSIAN: Language = {
  name: 'ru',
  domains: [
    {
      name: 'film',
      subjects: aspects('фильм-m сериал-m спектакль-m'),
      aspects: aspects(
        'сюжет-m сценарий-m финал-m игра_актёров-f музыка-f съёмка-f озвучка-f исполнение-n диалоги-p эффекты-p шутки-p',
      ),
    },
    {
      name: 'product',
      subjects: aspects('телефон-m ноутбук-m чайник-m фотоаппарат-m'),
      aspects: aspects('экран-m звук-m дизайн-m корпус-m батарея-f упаковка-f сборка-f качество-n кнопки-p цвета-p'),
    },
    {
      name: 'service',
      subjects: aspects('отель-m ресторан-m салон-m сервис-m'),
      aspects: aspects(
        'персонал-m интерьер-m номер-m кухня-f доставка-f атмосфера-f уборка-f обслуживание-n меню-n порции-p завтраки-p',
      ),
    },
  ],
  frames: [
    { id: 'be', text: '{A} {I} {J}' },
    { id: 'here', text: '{A} здесь {I} {J}' },
    { id: 'was', text: '{A} {был} {I} {J}' },
    { id: 'mind', text: 'по-моему, {A} {I} {J}' },
    { id: 'think', text: 'считаю, что {A} {I} {J}' },
    { id: 'say', text: 'могу сказать, что {A} {J}' },
    { id: 'simply', text: '{A} просто {J}' },
    { id: 'effect', text: '{A} меня {W}' },
    { id: 'such', text: 'в целом {NJ} {N}, и {A} {J}' },
  ],
  negatedFrames: [
    { id: 'not', text: '{A} не {K} {J}', flips: true },
    { id: 'notsuch', text: '{A} не {такой} уж {J}', flips: true },
    { id: 'notsay', text: 'не могу сказать, что {A} {K} {J}', flips: true },
    { id: 'notatall', text: '{A} совсем не {J}', flips: true },
    { id: 'noeffect', text: '{A} меня не {W}', flips: true },
  ],
  strongFrames: [
    { id: 'be', text: '{A} {S} {J}' },
    { id: 'here', text: '{A} здесь {S} {J}' },
    { id: 'mind', text: 'по-моему, {A} {S} {J}' },
  ],
  weakFrames: [
    { id: 'be', text: '{A} {D} {J}' },
    { id: 'here', text: '{A} здесь {D} {J}' },
    { id: 'mind', text: 'по-моему, {A} {D} {J}' },
  ],
  claims: [
    { id: 'told', text: 'все говорили, что {A} {J}' },
    { id: 'advert', text: 'реклама обещала, что {A} {J}' },
    { id: 'expected', text: 'я думал, что {A} {будет} {J}' },
    { id: 'reviews', text: 'в других отзывах пишут, что {A} {I} {J}' },
    { id: 'friend', text: '{P} уверяла, что {A} {J}' },
    { id: 'heard', text: 'заранее я слышал, что {A} {J}' },
  ],
  ironies: [
    { id: 'yeah', text: 'ну да, конечно, {A} {J}, если вы любите {pain}' },
    { id: 'thanks', text: 'спасибо, {A} {J} настолько, что приятнее {pain}' },
    { id: 'wow', text: 'ого, какой {N}, {A} {J}, всю жизнь мечтал {pain}' },
    { id: 'sure', text: 'ага, {A} {J}, почти как {pain}' },
    { id: 'who', text: 'конечно, {A} {J}, кто же не хочет {pain}' },
    { id: 'another', text: 'ну вот, ещё один {NJ} {N} для тех, кто любит {pain}' },
  ],
  tails: [
    { id: 'bravo', text: 'Браво' },
    { id: 'needed', text: 'Именно то, что нужно' },
    { id: 'welldone', text: 'Молодцы, так держать' },
    { id: 'applause', text: 'Аплодисменты' },
    { id: 'award', text: 'Дайте им премию' },
    { id: 'none', text: '' },
  ],
  openers: [
    { id: 'opinion', text: 'на мой взгляд' },
    { id: 'asfor', text: 'лично для меня' },
    { id: 'frankly', text: 'если честно' },
    { id: 'briefly', text: 'если коротко' },
    { id: 'fair', text: 'справедливости ради' },
    { id: 'well', text: 'ну что ж' },
    { id: 'say', text: 'что тут скажешь' },
    { id: 'main', text: 'сразу о главном' },
  ],
  verdicts: [
    { id: 'recommend', text: 'рекомендую этот {N}', polarity: 1 },
    { id: 'money', text: 'деньги потрачены не зря', polarity: 1 },
    { id: 'again', text: 'с радостью выберу этот {N} снова', polarity: 1 },
    { id: 'thanks', text: 'спасибо всем, кто сделал этот {N}', polarity: 1 },
    { id: 'needed', text: 'это именно то, что нужно', polarity: 1 },
    { id: 'norecommend', text: 'не рекомендую этот {N}', polarity: -1 },
    { id: 'nomoney', text: 'деньги потрачены зря', polarity: -1 },
    { id: 'waste', text: 'этот {N} не стоит таких денег', polarity: -1 },
    { id: 'refund', text: 'верните мои деньги', polarity: -1 },
  ],
  statements: RUSSIAN_STATEMENTS,
  patterns: [
    { id: 'and', kind: 'plain', text: '{1}, и {2}', clauses: ['decides', 'agrees'] },
    { id: 'also', kind: 'plain', text: '{1}. К тому же {2}', clauses: ['decides', 'agrees'] },
    { id: 'so', kind: 'plain', text: '{1}, так что {2}', clauses: ['decides', 'verdict'] },
    { id: 'then', kind: 'plain', text: '{1}. {2}', clauses: ['verdict', 'decides'] },
    { id: 'one', kind: 'plain', text: '{1}. {2}', clauses: ['decides', 'decides'] },
    { id: 'opened', kind: 'plain', text: '{1}, {2}', clauses: ['opener', 'decides'] },
    { id: 'noopened', kind: 'negation', text: '{1}, {2}', clauses: ['opener', 'negated'] },
    { id: 'nocolon', kind: 'negation', text: '{1}: {2}', clauses: ['opener', 'negated'] },
    { id: 'noand', kind: 'negation', text: '{1}, и {2}', clauses: ['negated', 'negated'] },
    { id: 'no', kind: 'negation', text: '{1}. {2}', clauses: ['negated', 'negated'] },
    { id: 'but', kind: 'contrast', text: '{1}, но {2}', clauses: ['opposes', 'decides'] },
    { id: 'however', kind: 'contrast', text: '{1}. Однако {2}', clauses: ['opposes', 'decides'] },
    { id: 'yet', kind: 'contrast', text: '{1}, и всё же {2}', clauses: ['opposes', 'decides'] },
    { id: 'still', kind: 'contrast', text: '{1}. Но всё-таки {2}', clauses: ['opposes', 'decides'] },
    { id: 'butand', kind: 'contrast', text: '{1}, но {2}, и {3}', clauses: ['opposes', 'decides', 'agrees'] },
    { id: 'although', kind: 'concession', text: 'хотя {1}, {2}', clauses: ['opposes', 'decides'] },
    { id: 'even', kind: 'concession', text: 'пусть {1}, {2}', clauses: ['opposes', 'decides'] },
    { id: 'althoughlast', kind: 'concession', text: '{1}, хотя {2}', clauses: ['decides', 'opposes'] },
    { id: 'overall', kind: 'overall', text: '{1}, {2}. В итоге {3}', clauses: ['free', 'free', 'decides'] },
    { id: 'inall', kind: 'overall', text: '{1}. В общем, {2}', clauses: ['free', 'decides'] },
    { id: 'butoverall', kind: 'overall', text: '{1}, но в итоге {2}', clauses: ['opposes', 'decides'] },
    { id: 'claimfact', kind: 'claim', text: '{1}. На деле {2}', clauses: ['claim', 'decides'] },
    { id: 'claimbut', kind: 'claim', text: '{1}, но {2}', clauses: ['claim', 'decides'] },
    { id: 'claimreality', kind: 'claim', text: '{1}. В реальности {2}', clauses: ['claim', 'decides'] },
    { id: 'strongfirst', kind: 'intensity', text: '{1}, {2}', clauses: ['strong', 'weak'] },
    { id: 'weakfirst', kind: 'intensity', text: '{1}, {2}', clauses: ['weak', 'strong'] },
    { id: 'strongand', kind: 'intensity', text: '{1}, а {2}', clauses: ['strong', 'weak'] },
    { id: 'weakand', kind: 'intensity', text: '{1}, а {2}', clauses: ['weak', 'strong'] },
    { id: 'irony', kind: 'irony', text: '{1}. {2}', clauses: ['irony', 'tail'] },
    { id: 'ironyfirst', kind: 'irony', text: '{1}. {2}', clauses: ['tail', 'irony'] },
  ],
  fillers: {
    train: [
      { id: 'bought', text: 'этот {N} мне посоветовала {P}' },
      { id: 'day', text: 'дело было {day}' },
      { id: 'second', text: 'это мой второй {N} за год' },
      { id: 'told', text: 'о нём {day} рассказала {P}' },
      { id: 'first', text: 'раньше такой {N} мне не попадался' },
      { id: 'hours', text: 'всего ушло около двух часов' },
      { id: 'write', text: 'отзывы на {N} пишу редко' },
      { id: 'discount', text: '{day} была небольшая скидка' },
      { id: 'chose', text: 'выбирала {P}, я согласился' },
      { id: 'month', text: 'с тех пор прошёл месяц' },
      { id: 'about', text: 'теперь пару слов о том, что я увидел' },
      { id: 'honest', text: 'платил сам' },
    ],
    test: [
      { id: 'advised', text: '{day} этот {N} выбирала {P}' },
      { id: 'mentioned', text: 'о нём мне рассказала {P}' },
      { id: 'suchsecond', text: 'это мой второй такой {N}' },
      { id: 'passed', text: 'прошло около двух часов' },
      { id: 'rarely', text: 'такой {N} мне раньше не попадался' },
      { id: 'cheaper', text: 'на этот {N} была небольшая скидка' },
    ],
  },
  fill(slot, aspect, subject, polarity, pick) {
    switch (slot) {
      case 'A':
        return aspect.text
      case 'N':
        return subject.text
      case 'J':
        return adjective(pick(ADJECTIVES[polarity]), aspect)
      case 'NJ':
        return adjective(pick(ADJECTIVES[polarity]), subject)
      case 'I':
        return pick(INTENSIFIERS)
      case 'K':
        return pick(NEGATED_INTENSIFIERS)
      case 'S':
        return pick(STRONG)
      case 'D':
        return pick(WEAK)
      case 'W':
        return pastVerb(pick(EFFECTS[polarity]), aspect)
      case 'был':
        return pastVerb('был', aspect)
      case 'будет':
        return byForm(aspect, ['будет', 'будет', 'будет', 'будут'])
      case 'такой':
        return byForm(aspect, ['такой', 'такая', 'такое', 'такие'])
      case 'P':
        return pick(PEOPLE)
      case 'day':
        return pick(DAYS)
      case 'pain':
        return pick(PAINS)
      default:
        throw new Error(`reviews: Russian has no slot {${slot}}`)
    }
  },
}
