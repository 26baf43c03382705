// What report.html does by itself: sorts its tables, hides rows by limits and name, shows the code of the row that is left.
// Without scripts the page is whole, the form hidden. Plain JavaScript: the page has nothing to compile it.

export const PAGE_SCRIPT = `
(() => {
  const number = (text) => parseFloat(text.replace(/^= /, ''))
  for (const table of document.querySelectorAll('table.sortable'))
    for (const th of table.tHead.rows[0].cells) {
      const button = document.createElement('button')
      button.type = 'button'
      button.append(...th.childNodes)
      th.append(button)
      button.addEventListener('click', () => {
        const up = th.getAttribute('aria-sort') !== 'ascending'
        for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort')
        th.setAttribute('aria-sort', up ? 'ascending' : 'descending')
        const body = table.tBodies[0], at = th.cellIndex
        const rows = [...body.rows].filter((row) => !row.classList.contains('floor'))
        const key = (row) => row.cells[at].textContent
        rows.sort((a, b) => {
          const x = number(key(a)), y = number(key(b))
          if (at === 0 || (isNaN(x) && isNaN(y))) return (up ? 1 : -1) * key(a).localeCompare(key(b))
          // what was not measured comes last both ways
          return isNaN(x) ? 1 : isNaN(y) ? -1 : (up ? 1 : -1) * (x - y)
        })
        body.prepend(...rows)
      })
    }

  const form = document.getElementById('limits'), said = document.getElementById('said'), code = document.getElementById('code')
  // a study without a row yet has no model to use
  if (!code) return
  const rows = [...document.querySelectorAll('#rows tr[data-id]')]
  const template = code.textContent, shown = code.dataset.folder
  const best = (list, name, sign) =>
    list.filter((row) => row.dataset[name] !== undefined).sort((a, b) => sign * (a.dataset[name] - b.dataset[name]))[0]
  const choose = () => {
    const limits = [...form.querySelectorAll('input[type=number]')].filter((input) => input.value !== '')
    const name = form.elements.name.value.trim().toLowerCase()
    // a row that was not measured does not keep a limit of time
    const keeps = (row, { name, value }) => row.dataset[name] !== undefined && Number(row.dataset[name]) <= Number(value)
    const left = rows.filter((row) => row.dataset.id.toLowerCase().includes(name) && limits.every((input) => keeps(row, input)))
    const kept = new Set(left.map((row) => row.dataset.id))
    for (const row of rows) row.classList.toggle('out', !kept.has(row.dataset.id))
    for (const of of document.querySelectorAll('svg g[data-id], #glossary tr[data-id]')) of.classList.toggle('out', !kept.has(of.dataset.id))
    const aims = [['smallest', 'mb', 1], ['fastest on the CPU', 'cpu', 1], ['fastest on the GPU', 'gpu', 1], ['best on the validation texts', 'validation', -1]]
    const words = aims.flatMap(([aim, name, sign]) => {
      const row = best(left, name, sign)
      return row ? [aim + ' ' + row.dataset.id] : []
    })
    const isLimited = limits.length > 0 || name !== ''
    said.textContent = !isLimited ? '' : left.length + ' of ' + rows.length + ' rows' + (words.length ? ': ' + words.join(', ') : '; none keeps these limits')
    const smallest = isLimited ? best(left, 'mb', 1) : undefined
    code.textContent = smallest ? template.replace(shown, smallest.dataset.folder) : template
  }
  form.hidden = false
  form.addEventListener('input', choose)
  form.addEventListener('reset', () => setTimeout(choose))
  form.addEventListener('submit', (event) => event.preventDefault())
  choose()
})()
`
