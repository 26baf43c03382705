// What this browser can do, and what it lacks.

import type { App, Section } from './app.ts'
import { element } from './dom.ts'
import { size } from './language.ts'
import { isKept, whyNotKept } from './offline.ts'
import type { Words } from './words.en.ts'

type Ability = keyof Words['abilities']

export function mountBrowser(root: HTMLElement, app: App): Section {
  function draw(): void {
    const { words, abilities } = app
    const yes = (is: boolean): { is: boolean; text: string } => ({ is, text: is ? words.can : words.cannot })
    const rows: [Ability, { is: boolean; text: string }][] = []
    if (abilities) {
      const { adapter, noAdapter } = abilities
      const lacks = noAdapter === 'no webgpu' ? words.noWebgpu : words.noAdapter
      const isolatedHint = isKept() ? words.isolatedReload : words.isolatedHint
      rows.push(
        ['simd', yes(abilities.simd)],
        ['relaxed', yes(abilities.relaxedSimd)],
        ['isolated', abilities.isolated ? yes(true) : { is: false, text: `${words.cannot}. ${isolatedHint}` }],
        ['cores', { is: true, text: String(abilities.cores) }],
        [
          'webgpu',
          adapter
            ? {
                is: !adapter.software,
                text: adapter.software ? words.adapterSoftware(adapter.name) : words.adapterReal(adapter.name),
              }
            : { is: false, text: `${words.cannot}: ${lacks}` },
        ],
      )
      if (adapter)
        rows.push(
          ['f16', yes(adapter.features.has('shader-f16'))],
          ['subgroups', yes(adapter.features.has('subgroups'))],
          ['dp4a', yes(abilities.dp4a)],
          ['timestamps', yes(adapter.features.has('timestamp-query'))],
          ['limits', { is: true, text: size(adapter.largestBufferBytes, words) }],
        )
      rows.push(['offline', { is: isKept(), text: isKept() ? words.offlineReady : whyNotKept() || words.offlineNot }])
    }
    const items = rows.map(([name, { is, text }]) =>
      element(
        'div',
        { class: is ? 'has' : 'lacks' },
        element('dt', {}, words.abilities[name]),
        element('dd', {}, text),
      ),
    )
    root.replaceChildren(
      element('h2', {}, words.sections.browser),
      abilities ? element('dl', { class: 'abilities' }, ...items) : element('p', { class: 'quiet' }, words.asking),
    )
  }
  return { draw }
}
