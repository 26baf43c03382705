// Documents travel with the package: whatever README links to, and what that links to, is in the tarball.

import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, it } from 'vitest'
import { execute } from './project.ts'

/** Relative links of a document, without their anchors. */
const linksOf = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)\s#]+)/g)].map(([, link]) =>
    posix.normalize(posix.join(posix.dirname(path), link)),
  )

it('holds every document and file that README links to, test code excepted', async () => {
  const output = await execute('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], process.cwd())
  const [{ files }] = JSON.parse(output) as { files: { path: string }[] }[]
  const paths = files.map(({ path }) => path)
  expect(paths.filter((path) => /\.test\.|(^|\/)testing\//.test(path))).toEqual([])
  const dead: string[] = []
  const seen = new Set(['README.md'])
  for (const document of seen)
    for (const link of linksOf(document)) {
      const isThere = paths.some((path) => path === link || path.startsWith(`${link.replace(/\/$/, '')}/`))
      if (!isThere) dead.push(`${document}: ${link}`)
      else if (link.endsWith('.md')) seen.add(link)
    }
  expect(dead).toEqual([])
  expect(seen.size).toBeGreaterThan(10)
})
