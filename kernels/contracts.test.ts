// Completeness: every operation has its files, every shader a row in a variants.ts, every row a proof that runs it. Most of
// it the compiler demands; the mutants at the end show that it does.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { CONTRACTS } from './contracts.ts'
import { SHADERS, type ShaderName } from './generated/shaders.ts'
import type { WebgpuVariant } from './program/variants.ts'
import { isUtility, WEBGPU_VARIANTS } from './variants.ts'
import { compileProgram } from './webgpu/compile.ts'
import type { Uploader } from './webgpu/upload.ts'

const ROOT = join(import.meta.dirname, '..')
const ROWS = Object.values(WEBGPU_VARIANTS).flat()

describe('the operations', () => {
  it('have a contract, variants, a reference and a test each', () => {
    expect(CONTRACTS.map(({ op }) => op).sort()).toEqual(Object.keys(WEBGPU_VARIANTS).sort())
    for (const { op } of CONTRACTS)
      for (const file of ['contract.ts', 'variants.ts', 'reference.ts', `${op}.test.ts`])
        expect(existsSync(join(ROOT, 'kernels', op, file)), `kernels/${op}/${file}`).toBe(true)
  })
  it('name each variant once, under the operation whose folder it is in', () => {
    for (const [op, rows] of Object.entries(WEBGPU_VARIANTS)) {
      expect(rows.map((row) => row.op)).toEqual(rows.map(() => op))
      expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
    }
  })
})

describe('shaders', () => {
  const names = readdirSync(join(ROOT, 'shaders'))
    .filter((name) => name.endsWith('.wgsl'))
    .map((name) => name.slice(0, -'.wgsl'.length) as ShaderName)
  it.each(names.filter((name) => !isUtility(name)))('%s has a row, and names a contract that is there', (name) => {
    expect(ROWS.some(({ shader }) => shader === name)).toBe(true)
    const named = /^\/\/ Contract\s+(\S+)/m.exec(readFileSync(join(ROOT, 'shaders', `${name}.wgsl`), 'utf8'))
    expect(named, 'a line "// Contract  kernels/<op>/contract.ts"').not.toBeNull()
    expect(existsSync(join(ROOT, named![1]))).toBe(true)
  })
  it.each(ROWS)('$shader declares the constants of $op $id, whose row says what memory it needs', (row) => {
    for (const constant of Object.keys(row.tile)) expect(SHADERS[row.shader]).toContain(`override ${constant}:`)
    expect(row.usesWorkgroupMemory).toBe(SHADERS[row.shader].includes('var<workgroup>'))
  })
})

/** As an Uploader, with no device. */
const NO_UPLOAD = {
  fits: () => true,
  dims: () => ({}),
  copy: () => Promise.resolve({}),
  pack: (_label: string, bytes: number, pack: (memory: ArrayBuffer) => void) => {
    pack(new ArrayBuffer(Math.ceil(bytes / 4) * 4))
    return {}
  },
  packOnce: (_label: string, _what: string, _of: unknown, bytes: number, pack: (memory: ArrayBuffer) => void) => {
    pack(new ArrayBuffer(Math.ceil(bytes / 4) * 4))
    return {}
  },
} as unknown as Uploader

it.each(ROWS)('the proof of $op $id runs it', async ({ op, id, proof, vendors }) => {
  const ran = new Set<WebgpuVariant>()
  for (const { program } of proof()) {
    const packing = {
      hasMatrices: true,
      usesMatrices: true,
      halfProducts: true,
      precision: 'f32' as const,
      vendor: vendors?.[0] ?? '',
    }
    const { calls } = await compileProgram(program, NO_UPLOAD, packing)
    for (const { row } of calls.flatMap(({ variants }) => variants)) ran.add(row)
  }
  expect([...ran].map((row) => `${row.op} ${row.id}`)).toContain(`${op} ${id}`)
})

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  types: [],
  module: ts.ModuleKind.NodeNext,
  strict: true,
  allowImportingTsExtensions: true,
  noEmit: true,
}
const sources = new Map<string, ts.SourceFile>()

/** What the compiler says of all variants.ts with the text of one file changed. */
function compileWith(path: string, change: (text: string) => string): string[] {
  const host = ts.createCompilerHost(OPTIONS)
  const parse = host.getSourceFile.bind(host)
  host.getSourceFile = (name, version) => {
    const file = sources.get(name) ?? parse(name, version)
    if (!file) return undefined
    sources.set(name, file)
    if (name !== join(ROOT, path)) return file
    const changed = change(file.text)
    expect(changed).not.toBe(file.text)
    return ts.createSourceFile(name, changed, version)
  }
  const program = ts.createProgram([join(ROOT, 'kernels/variants.ts')], OPTIONS, host)
  return program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.endsWith('/variants.ts'))
    .flatMap((file) => program.getSemanticDiagnostics(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

describe('the compiler', { timeout: 60_000 }, () => {
  const row = "    shader: 'int8-matmul.slice',\n    tile: {},\n    usesWorkgroupMemory: true,"
  it.each([
    [
      'names a shader that was copied without a row',
      'kernels/generated/shaders.ts',
      (text: string) => text.replaceAll(/^( {2})'int8-matmul.slice'(: .*)$/gm, "$&\n$1'int8-matmul.copy'$2"),
      /'"int8-matmul.copy"' does not satisfy the constraint 'never'/,
    ],
    [
      'refuses a row that hides the need of workgroup memory',
      'kernels/int8-matmul/variants.ts',
      (text: string) => text.replace(row, row.replace('true', 'false')),
      /Type 'false' is not assignable to type 'true'/,
    ],
    [
      'refuses a constant that the shader does not have',
      'kernels/int8-matmul/variants.ts',
      (text: string) => text.replace(row, row.replace('{}', '{ ROWS: 32 }')),
      /'ROWS' does not exist in type/,
    ],
    [
      'refuses a row without a proof',
      'kernels/int8-matmul/variants.ts',
      (text: string) => text.replace('    proof: provesNormBefore,\n', ''),
      /Property 'proof' is missing/,
    ],
    [
      'refuses a row without words',
      'kernels/row-ops/variants.ts',
      (text: string) => text.replaceAll("'first-token',\n    backend", "'first',\n    backend"),
      /''first-token'' does not exist in type 'VariantNotes/,
    ],
  ])('%s', (_, path, change, found) => expect(compileWith(path, change).join('\n')).toMatch(found))
  it('has nothing to say of the rows as they are', () => {
    expect(compileWith('kernels/row-ops/variants.ts', (text) => `${text}\n`)).toEqual([])
  })
})
