// What V8 makes of a module on the processor at hand: the innermost loops of its functions, as instructions of x64.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface Loop {
  instructions: string[]
  /** moves of vectors from and to the stack */
  spills: number
}

/** All functions, by the optimizing compiler. */
const PRINT = ['--print-wasm-code', '--no-liftoff', '--no-wasm-lazy-compilation', '--wasm-num-compilation-tasks=0']

interface Instruction {
  address: number
  text: string
}

function innermostLoops(code: string): Loop[] {
  const instructions = [...code.matchAll(/^0x([0-9a-f]+)\s+[0-9a-f]+\s+[0-9a-f]+\s+(.*)$/gm)].map(
    ([, address, text]): Instruction => ({ address: parseInt(address, 16), text }),
  )
  const places = new Map(instructions.map(({ address }, i) => [address, i]))
  const loops = instructions.flatMap(({ text }, end) => {
    const begin = places.get(parseInt(/^j\w+ 0x([0-9a-f]+)/.exec(text)?.[1] ?? '', 16))
    return begin === undefined || begin > end ? [] : [{ begin, end }]
  })
  const holdsAnother = ({ begin, end }: (typeof loops)[number]): boolean =>
    loops.some((other) => other.begin >= begin && other.end <= end && (other.begin > begin || other.end < end))
  return loops
    .filter((loop) => !holdsAnother(loop))
    .map(({ begin, end }) => instructions.slice(begin, end + 1).map(({ text }) => text))
    .filter((body) => !body.some((text) => text.startsWith('call')))
    .map((body) => ({
      instructions: body,
      spills: body.filter((text) => /mm\d/.test(text) && text.includes('[rbp')).length,
    }))
}

/**
 * Innermost loops by the index of their function, without those that call: a loop has a way round by which V8 interrupts it.
 * @param file of a module that imports no function
 * @param flags of V8 besides
 * @throws Error where the engine prints no code of x64
 */
export async function machineLoops(file: string, flags: readonly string[] = []): Promise<Map<number, Loop[]>> {
  const script = `new WebAssembly.Module(require('node:fs').readFileSync(${JSON.stringify(file)}))`
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...PRINT, '-e', script], {
    maxBuffer: 1 << 29,
  })
  const functions = stdout.split('--- WebAssembly code ---').slice(1)
  const found = functions.flatMap((code): [number, Loop[]][] => {
    const index = /^index: (\d+)$/m.exec(code)?.[1]
    return index === undefined ? [] : [[Number(index), innermostLoops(code)]]
  })
  if (process.arch !== 'x64' || !found.some(([, loops]) => loops.length > 0))
    throw new Error(`no machine code of x64: this is ${process.arch}, V8 ${process.versions.v8}`)
  return new Map(found)
}
