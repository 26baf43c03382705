// Writes the AssemblyScript files that are made from TypeScript: assembly/abi.ts from kernels/wasm/abi.ts. Git keeps them,
// so that assembly/ can be read and edited as it is; `generate.ts --check` fails where one is not current.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as abi from '../kernels/wasm/abi.ts'

type RecordLayout = abi.RecordLayout
type Exported = number | RecordLayout | Record<string, number>

const isRecord = (value: Exported): value is RecordLayout => typeof value === 'object' && 'opcode' in value

/** LAYERNORM_BLOCKED -> LayernormBlocked */
const classOf = (name: string): string =>
  name.toLowerCase().replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** geluBackward -> GELU_BACKWARD */
const constantOf = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

function constant(name: string, value: number): string {
  if (name.endsWith('_WORD')) return `export const ${name.replace(/_WORD$/, '_ADDRESS')}: usize = ${4 * value}`
  return `export const ${name}: ${/_(BYTES|ADDRESS)$/.test(name) ? 'usize' : 'i32'} = ${value}`
}

function recordClass(name: string, { opcode, integers, addresses, reals = [] }: RecordLayout): string {
  const fields = [
    ...integers.map((field) => `${field}: i32`),
    ...addresses.map((field) => `${field}: usize`),
    ...reals.map((field) => `${field}: f32`),
  ]
  return [
    `export const ${name}: i32 = ${opcode}`,
    '// @ts-ignore: decorator',
    '@unmanaged',
    `export class ${classOf(name)}Record {`,
    '  head: u32',
    '  length: u32',
    ...fields.map((field) => `  ${field}`),
    '}',
  ].join('\n')
}

/** The text of assembly/abi.ts. */
export function abiSource(): string {
  const constants: string[] = []
  const records: string[] = []
  for (const [name, value] of Object.entries<Exported>(abi as unknown as Record<string, Exported>)) {
    if (typeof value === 'number') constants.push(constant(name, value))
    else if (isRecord(value)) records.push(recordClass(name, value))
    else for (const [key, code] of Object.entries(value)) constants.push(constant(`${name}_${constantOf(key)}`, code))
  }
  return `// Made by scripts/generate-assembly.ts from kernels/wasm/abi.ts, which says what each number means; do not edit.

${constants.join('\n')}

// The records: each opcode, and the record's words as a class. changetype<DenseMatmulRecord>(address).K reads one.

${records.join('\n\n')}
`
}

/**
 * Writes the files that are out of date.
 *
 * @throws Error where `isCheck` and one is out of date
 */
export function generateAssembly(isCheck: boolean): void {
  for (const [file, text] of Object.entries({ 'assembly/abi.ts': abiSource() })) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    if (isCheck)
      throw new Error(`${file} is not what scripts/generate-assembly.ts makes: run npm run generate and commit it`)
    writeFileSync(path, text)
  }
}
