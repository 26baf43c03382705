import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CONTRACTS } from './contracts.ts'

const root = join(import.meta.dirname, '..')

describe('the rooms', () => {
  it('have a contract, a reference and a test each', () => {
    expect(CONTRACTS.length).toBe(7)
    for (const { op } of CONTRACTS)
      for (const file of ['contract.ts', 'reference.ts', `${op}.test.ts`])
        expect(existsSync(join(root, 'kernels', op, file)), `kernels/${op}/${file}`).toBe(true)
  })
  it('name each variant once, by backend and op', () => {
    const ids = CONTRACTS.flatMap(({ op, variants }) =>
      variants.map(({ id, backend }) => {
        expect(id.startsWith(`${backend}/${op}`), id).toBe(true)
        return id
      }),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('kernel sources', () => {
  const sources = readdirSync(join(root, 'shaders'))
    .filter((name) => name.endsWith('.wgsl') && !name.startsWith('canary'))
    .map((name) => `shaders/${name}`)
  it.each(sources)('%s names a contract that is there', (source) => {
    const named = /^\/\/ Contract\s+(\S+)/m.exec(readFileSync(join(root, source), 'utf8'))
    expect(named, 'a line "// Contract  kernels/<op>/contract.ts"').not.toBeNull()
    expect(existsSync(join(root, named![1]))).toBe(true)
  })
})
