import { expect, it } from 'vitest'
import { encodeModule, frequentFirst } from '../../scripts/encode-module.ts'
import { WASM } from '../generated/wasm.ts'
import { decodeModule, SYMBOLS } from './embedded.ts'

it('decodes what was encoded, every byte value among it', () => {
  const module = Uint8Array.from({ length: 4096 }, (_, i) => (i < 256 ? i : (i * i * 7 + (i >> 3)) % 31))
  const order = frequentFirst([module])
  const text = encodeModule(module, order)
  expect(text.length).toBeLessThan(module.length + 256)
  const decoded = decodeModule(Buffer.from(order).toString('base64'), text)
  expect(decoded).toEqual(module)
})

it('has symbols that a string literal holds as they are, no two alike', () => {
  expect(new Set(SYMBOLS).size).toBe(SYMBOLS.length)
  expect(JSON.stringify(SYMBOLS)).toBe(`"${SYMBOLS}"`)
  expect(SYMBOLS).not.toMatch(/['`$\\]/)
})

it('gives modules for memories that are shared and that are not', async () => {
  for (const [name, bytes] of Object.entries(WASM)) {
    const module = await WebAssembly.compile(bytes())
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: name.endsWith('-shared') })
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
    expect(Object.keys(exports).sort()).toEqual(['probe_dot', 'run'])
  }
})
