// The style of report.html: readable on a phone and in the dark, whole on A4 paper.

export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --paper: #fff; --line: #d9dee3; --best: #0b6e4f; --other: #7a8591; --base: #b3541e; --wash: #f4f6f8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --paper: #14181c; --line: #323a42; --best: #4cc79a; --other: #8d99a6; --base: #f0955a; --wash: #1c2228 } }
body { margin: 0 auto; max-width: 1480px; padding: 16px; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.5rem; margin: 0 0 .3em } h2 { font-size: 1.15rem; margin: 1.6em 0 .4em }
p { max-width: 75ch } .soft, small { color: var(--soft) } .warn { border-left: 4px solid var(--base); padding: 4px 12px; background: var(--wash) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap }
th, td { padding: 4px 8px; text-align: right; border-bottom: 1px solid var(--line) } th { font-weight: 600; vertical-align: bottom; white-space: normal; max-width: 9em }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--paper) }
td:first-child { white-space: normal; min-width: 8em; max-width: 16em; overflow-wrap: anywhere } #rows small { display: block }
tr.rule td { border-top: 2px solid var(--soft) }
code { font-family: ui-monospace, monospace; font-size: .93em } ul { padding-left: 1.2em } li { overflow-wrap: anywhere }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 16px }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif }
svg text { fill: var(--ink) } svg .title { font-size: 14px; font-weight: 600 } svg .tick, svg .axis { fill: var(--soft) }
svg .name { paint-order: stroke; stroke: var(--paper); stroke-width: 3px } svg .grid { stroke: var(--line) } svg .front { fill: none; stroke: var(--best); stroke-width: 1.5; stroke-dasharray: 5 4 }
svg .whisker { stroke-width: 1; opacity: .45 } svg .leader { stroke: var(--line) }
svg .best circle { fill: var(--best) } svg .best .whisker { stroke: var(--best) } svg .other circle { fill: var(--other) }
svg .other .whisker { stroke: var(--other) } svg .base circle { fill: var(--base) } svg .base .whisker { stroke: var(--base) }
form { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: end; margin: .6em 0 } form[hidden] { display: none } label { display: grid; font-size: .85em; color: var(--soft) }
input { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--soft); border-radius: 4px; padding: 3px 6px; width: 9em }
th button { all: unset; cursor: pointer } th button:focus-visible, summary:focus-visible { outline: 2px solid var(--best) } th[aria-sort=ascending] button::after { content: " \\2191" } th[aria-sort=descending] button::after { content: " \\2193" }
tr.out, svg g.out { display: none } pre { overflow-x: auto; background: var(--wash); padding: 8px 12px } td.words, th.words { text-align: left; white-space: normal; min-width: 16em }
@page { size: A4 landscape; margin: 10mm }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --paper: #fff; --line: #bbb; --best: #0b6e4f; --other: #666; --base: #b3541e; --wash: #f4f4f4 }
  body { max-width: none; padding: 0; font-size: 9pt } form { display: none } h2 { break-after: avoid } tr, svg, li, pre { break-inside: avoid } thead { display: table-header-group }
  .scroll { overflow: visible } table { white-space: normal; font-size: 7.5pt } th, td { padding: 2px 4px; overflow-wrap: break-word } code { overflow-wrap: anywhere } th:first-child, td:first-child { position: static; min-width: 7em }
  td.words, th.words { min-width: 0 } details::details-content { content-visibility: visible; height: auto } pre { white-space: pre-wrap; overflow-wrap: anywhere } .plots { grid-template-columns: 1fr 1fr }
}
`
