import { describe, expect, it } from 'vitest'
import { loadDataset } from '../dataset.ts'
import { mailDataset } from './mail.ts'
import { parseMessage, withoutMarkup } from './message.ts'
import { findThreads, partOfThreads, threadSubject } from './threads.ts'

const mail = (headers: string[], body: string): string => `${headers.join('\r\n')}\r\n\r\n${body}`

describe('parseMessage', () => {
  it('reads folded and encoded headers, and what a message answers', () => {
    const message = parseMessage(
      mail(
        [
          'From someone Thu Aug 22 12:36:23 2002',
          'Message-ID: <b@x>',
          'Subject: =?iso-8859-1?Q?caf=E9_?= =?utf-8?B?0LTQsA==?=',
          '  and more',
          'In-Reply-To: Your message of today <a@x>',
          'References: <r@x>',
          '\t<a@x>',
        ],
        'Yes.\n\nNo.',
      ),
    )
    expect(message).toEqual({
      subject: 'café да and more',
      body: 'Yes.\n\nNo.',
      id: '<b@x>',
      answers: ['<a@x>', '<r@x>', '<a@x>'],
    })
  })

  it('reads the plain one of alternatives, all of a mixture but what is attached, and what is inside', () => {
    const part = (type: string, body: string): string => `--b1\nContent-Type: ${type}\n\n${body}\n`
    const of = (kind: string, ...parts: string[]): string =>
      parseMessage(mail([`Content-Type: multipart/${kind}; boundary="b1"`], parts.join('') + '--b1--\n')).body
    expect(of('alternative', part('text/plain', 'hi'), part('text/html', '<b>Hi!</b>'))).toBe('hi')
    expect(of('mixed', part('text/plain', 'one'), part('image/png', 'AAAA'), part('text/html', '<p>two</p>'))).toMatch(
      /^one\s+two$/,
    )
    expect(of('mixed', part('message/rfc822', 'Subject: inner\nContent-Type: text/plain\n\ninside'))).toBe('inside')
  })

  it('decodes quoted-printable and base64 in their encodings', () => {
    const encoded = (encoding: string, charset: string, body: string): string =>
      parseMessage(
        mail([`Content-Type: text/plain; charset=${charset}`, `Content-Transfer-Encoding: ${encoding}`], body),
      ).body
    expect(encoded('quoted-printable', 'utf-8', 'na=C3=AFve =\nwords')).toBe('naïve words')
    expect(encoded('base64', 'koi8-r', 'y8/U')).toBe('кот')
    expect(encoded('quoted-printable', 'no-such', '=80')).toBe('€')
  })

  it('takes mark-up off, scripts and styles with it, whatever the message calls itself', () => {
    expect(withoutMarkup('<style>a{}</style><p>Buy&nbsp;now<br>or <b>never</b>').replace(/\s+/g, ' ')).toBe(
      ' Buy now or never',
    )
    const body = '<p>1</p><p>2</p><br><b>3</b>'
    expect(parseMessage(mail(['Subject: x'], body)).body.replace(/\s+/g, ' ')).toBe('1 2 3')
    expect(parseMessage(mail(['Subject: x'], 'if a < b and b > c')).body).toBe('if a < b and b > c')
  })
})

describe('threads', () => {
  const message = (subject: string, body = '', id = '', answers: string[] = []): ReturnType<typeof parseMessage> => ({
    subject,
    body,
    id,
    answers,
  })
  it('join answers, equal subjects and equal beginnings', () => {
    expect(threadSubject('RE: [ILUG] Fwd: Re: Kernel  panic (fwd)')).toBe('kernel panic')
    const circular = 'Dear friend, your order has been confirmed and the goods will leave our house'
    expect(
      findThreads([
        message('lunch', 'a', '<1>'),
        message('another', 'b', '<2>', ['<1>']),
        message('Re: [list] LUNCH'),
        message('', circular),
        message('x', `> quoted\n${circular}!!`),
        message(''),
        message(''),
      ]),
    ).toEqual([0, 0, 0, 1, 1, 2, 3])
  })
  it('stay whole, and the part has its share of each class', () => {
    const threads = Array.from({ length: 400 }, (_, i) => (i % 7 === 0 ? 0 : i))
    const labels = threads.map((_, i) => (i % 10 < 3 ? 1 : 0))
    const taken = partOfThreads(threads, labels, { share: 0.25, seed: 3, stream: 's' })
    expect(new Set(threads.filter((_, i) => taken[i])).size + new Set(threads.filter((_, i) => !taken[i])).size).toBe(
      new Set(threads).size,
    )
    expect(taken.filter((is, i) => is && labels[i] === 1).length).toBe(30)
    expect(taken.filter((is, i) => is && labels[i] === 0).length).toBe(70)
  })
})

describe('mailDataset', () => {
  it('leaves duplicates out and repeats for a seed', () => {
    const items = Array.from({ length: 300 }, (_, i) => ({
      group: i % 3 === 0 ? 'spam-1' : 'easy-ham-1',
      // every sixth is a copy of the one before
      text: mail([`Subject: about ${i % 6 === 5 ? i - 1 : i}`], 'words'),
    }))
    const data = mailDataset(items, 1)
    expect(data.notes[0]).toMatch(/^300 e-mails .*; 50 duplicates and 0 without text left out/)
    expect([data.train.length, data.validation!.length, data.test.length]).toEqual([180, 20, 50])
    expect(mailDataset(items, 1)).toEqual(data)
    expect(mailDataset(items, 2).test).not.toEqual(data.test)
  })
})

describe('builtin:mail', () => {
  it('is the real corpus, each part with its share of spam, no text twice', async () => {
    const { labels, train, validation, test } = await loadDataset('builtin:mail', { seed: 1 })
    expect(labels).toEqual(['ham', 'spam'])
    const all = [...train, ...validation!, ...test]
    expect(all.length).toBeGreaterThan(5850)
    expect(new Set(all.map(({ text }) => text)).size).toBe(all.length)
    for (const [part, share] of [
      [train, 0.72],
      [validation!, 0.08],
      [test, 0.2],
    ] as const) {
      expect(part.length / all.length).toBeCloseTo(share, 2)
      expect(part.filter(({ label }) => label === 1).length / part.length).toBeCloseTo(0.305, 2)
    }
    await expect(loadDataset('builtin:mail', { seed: 1, label: 'x' })).rejects.toThrow(/own test part and columns/)
  })
})
