// Declarations: of the modules, as a project of any strictness reads them without settings of its own.

import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Not every project has WebGPU's types: where they are missing, a name stands for any object. */
const GPU_TYPES = `// WebGPU's types where the project has them (TypeScript 6 with the library DOM, or @webgpu/types), else any object.
type Of<Name extends string> = typeof globalThis extends Record<Name, { prototype: infer Found }> ? Found : object
`

export function buildDeclarations(outdir: string): void {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  const names = new Set<string>()
  for (const path of globSync(`${outdir}/**/*.d.ts`)) {
    const text = readFileSync(path, 'utf8')
    const used = [...new Set(text.match(/(?<![\w.])GPU[A-Z]\w*/g) ?? [])].filter((name) => isGlobal(text, name))
    for (const name of used) names.add(name)
    const from = relative(dirname(path), join(outdir, 'gpu-types.js'))
    const imports = used.length
      ? `import type { ${used.join(', ')} } from '${from.startsWith('.') ? from : `./${from}`}'\n`
      : ''
    // at the end, where it moves no line that a map names
    writeFileSync(
      path,
      withArraysOfAnyVersion(withJsImports(text)).replace(/(?=\n?\/\/# sourceMappingURL)/, `\n${imports}`),
    )
  }
  const types = [...names].sort().map((name) => `export type ${name} = Of<'${name}'>\n`)
  writeFileSync(join(outdir, 'gpu-types.d.ts'), GPU_TYPES + types.join(''))
}

/** TypeScript before 5.7 has arrays without the kind of their buffer: what this gives is right for both. */
const withArraysOfAnyVersion = (text: string): string =>
  text
    .replace(/\b(\w+Array)<ArrayBuffer>/g, "ReturnType<$1Constructor['of']>")
    .replace(/\b(\w+Array|ArrayBufferView)<ArrayBuffer(Like)?>/g, '$1')

/** A declaration may import .ts, but not every tool knows; the two endings are of one length. */
const withJsImports = (text: string): string => text.replace(/(from |import\()(["'])(\.[^"']+)\.ts\2/g, '$1$2$3.js$2')

/** Whether a name is used as a type and not declared in the file. */
const isGlobal = (text: string, name: string): boolean =>
  !new RegExp(`(interface|type|class|const|function) ${name}\\b`).test(text) &&
  new RegExp(`[:|<( ]${name}\\b`).test(text)
