import { describe, it } from 'vitest'
import type { EmbeddingTable } from '../program/weights.ts'
import { ALL_DEVICES } from '../testing/devices.ts'
import { checkProgram } from '../testing/program.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { deviceOf } from '../testing/suite.ts'

const V = 53

function table(kind: EmbeddingTable['kind'], rows: number, width: number, random: () => number): EmbeddingTable {
  if (kind === 'f32') return { kind, rows, width, data: uniform(rows * width, random) }
  return {
    kind,
    rows,
    width,
    data: Uint8Array.from({ length: rows * width }, () => Math.floor(random() * 256)),
    scales: uniform(rows, random).map((s) => 0.005 + Math.abs(s) / 200),
    offsets: uniform(rows, random),
  }
}

describe.each(ALL_DEVICES)('embedding on $name', (device) => {
  for (const kind of ['f32', 'int8'] as const)
    it(`${kind} words, positions that restart with each sequence, types`, async () => {
      for (const C of [4, 5, 8, 37, 128, 384, 768]) {
        const random = seededRandom(C)
        const offsets = Int32Array.of(0, 1, 8, 19, 30)
        const ids = Int32Array.from({ length: 30 }, (_, i) =>
          i === 0 ? V - 1 : i === 1 ? 0 : Math.floor(random() * V),
        )
        const types = Int32Array.from({ length: 30 }, () => (random() < 0.5 ? 0 : 1))
        const program = {
          buffers: [{ name: 'output', rows: 'tokens' as const, width: C, dtype: 'f32' as const }],
          ops: [
            {
              kind: 'embedding' as const,
              word: table(kind, V, C, random),
              position: table(kind === 'int8' && C % 8 === 0 ? 'int8' : 'f32', 16, C, random),
              type: table('f32', 2, C, random),
              gamma: uniform(C, random),
              beta: uniform(C, random),
              epsilon: 1e-12,
              output: 0,
            },
          ],
          input: 'ids' as const,
          output: 0,
        }
        await checkProgram(await deviceOf(device), program, { offsets, ids, types }, `${kind} C = ${C}`)
      }
    })
})
