// The opened model: where its bytes are, by group and by layer.

import { errorBox, modelName, variantName, type App, type Section } from './app.ts'
import { cardOf } from './catalogue.ts'
import { StoppedError } from './client.ts'
import { mountCertificate } from './certificate-part.ts'
import { element, meter, table } from './dom.ts'
import { digits, share, size } from './language.ts'
import type { Inspected } from './messages.ts'

export function mountModel(root: HTMLElement, app: App): Section {
  let asked = ''
  let found: Inspected | null = null
  let error: string | null = null
  /** of the model's maker, as it was written */
  let card: string | null = null
  const certificate = mountCertificate(app)

  function draw(): void {
    const { words, model, view } = app
    const key = `${model.choice.name} ${view.first.variant} ${'files' in model.choice ? model.choice.files.length : ''}`
    if (key !== asked) {
      asked = key
      found = error = card = null
      certificate.forget()
      void ask(key)
    }
    certificate.draw()
    const title = `${modelName(model, words)}, ${variantName(view.first.variant, app)}`
    root.replaceChildren(
      element('h2', {}, words.sections.model),
      element('p', { class: 'quiet' }, title),
      ...(error === null ? [] : [errorBox(words.failed, error)]),
      ...(found ? [...tables(found), certificate.root] : []),
      ...(card === null
        ? []
        : [element('details', {}, element('summary', {}, words.modelCard), element('pre', { lang: 'en' }, card))]),
    )
  }

  async function ask(key: string): Promise<void> {
    try {
      const request = { verb: 'inspect' as const, model: app.model.choice, variant: app.view.first.variant }
      const { result } = await app.client.ask(request)
      if (key !== asked) return
      card = app.model.facts ? await cardOf(app.model.choice.name) : null
      found = result
    } catch (caught) {
      if (key !== asked) return
      // the reader stopped another thing: it is asked again when the section is drawn next
      if (caught instanceof StoppedError) asked = ''
      else error = (caught as Error).message
    }
    if (key === asked) draw()
  }

  function tables({ bytes, params, maxPositions, groups, layers }: Inspected): HTMLElement[] {
    const { words } = app
    const count = (n: number): string => n.toLocaleString(words.code)
    const grouped = groups.map((group) => [
      words.groups[group.name] ?? group.name,
      group.kind,
      count(group.params),
      count(group.bytes),
      element(
        'span',
        { class: 'part' },
        meter(group.bytes / bytes, words.groups[group.name] ?? group.name),
        share(group.bytes / bytes, words),
      ),
    ])
    const each = layers.map((layer) => [
      layer.name,
      layer.shape,
      layer.kind,
      share(layer.density, words),
      count(layer.bytes),
    ])
    return [
      element('p', {}, words.modelFacts(size(bytes, words), digits(params, words), maxPositions)),
      table([words.group, words.kind, words.parameters, words.bytes, words.part], grouped, {
        caption: words.sections.model,
        numbersFrom: 2,
      }),
      element(
        'details',
        {},
        element('summary', {}, `${words.layer}: ${layers.length}`),
        table([words.layer, words.shape, words.kind, words.stored, words.bytes], each, {
          caption: words.layer,
          numbersFrom: 3,
        }),
      ),
    ]
  }

  return { draw }
}
