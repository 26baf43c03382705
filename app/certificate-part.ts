// The button that verifies the opened model in this browser, and the certificate that comes of it.

import { devicesOf, errorBox, type App, type Section } from './app.ts'
import { StoppedError } from './client.ts'
import { element } from './dom.ts'
import type { Verified } from './messages.ts'

export interface CertificatePart extends Section {
  root: HTMLElement
  /** Another model or variant is shown: what was found holds no longer. */
  forget(): void
}

export function mountCertificate(app: App): CertificatePart {
  let run = 0
  let isRunning = false
  let found: Verified | null = null
  let error: string | null = null
  const button = element('button', { type: 'button', id: 'verify', on: { click: () => void press() } })
  const hint = element('p', { class: 'quiet' })
  const status = element('p', { attributes: { role: 'status' } })
  const results = element('div')
  const root = element('div', {}, hint, button, status, results)

  async function press(): Promise<void> {
    if (isRunning) return app.client.stop()
    forget()
    const own = ++run
    isRunning = true
    draw()
    try {
      const { model, view } = app
      const request = { model: model.choice, variant: view.first.variant, devices: devicesOf(app) }
      const { result } = await app.client.ask({ verb: 'verify' as const, ...request })
      if (own === run) found = result
    } catch (caught) {
      if (own === run && !(caught instanceof StoppedError)) error = (caught as Error).message
    }
    if (own !== run) return
    isRunning = false
    draw()
  }

  function forget(): void {
    run++
    isRunning = false
    found = error = null
  }

  function draw(): void {
    const { words } = app
    hint.textContent = words.verifyHint
    button.textContent = isRunning ? words.stop : words.verify
    status.textContent = isRunning ? words.verifying : found ? (found.isRight ? words.verified : words.notVerified) : ''
    results.replaceChildren(
      ...(error === null ? [] : [errorBox(words.failed, error)]),
      ...(found === null
        ? []
        : [element('pre', { id: 'certificate', lang: 'en' }, found.certificate), copyButton(found)]),
    )
  }

  const copyButton = ({ certificate }: Verified): HTMLElement =>
    element(
      'button',
      { type: 'button', class: 'plain', on: { click: () => void copy(certificate) } },
      app.words.copyCertificate,
    )

  async function copy(text: string): Promise<void> {
    try {
      // missing where the context is not secure
      await navigator.clipboard.writeText(text)
      status.textContent = app.words.copied
    } catch {
      status.textContent = app.words.notCopied
    }
  }

  return { root, draw, forget }
}
