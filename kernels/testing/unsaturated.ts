// Operands in which no engine's relaxed dot can saturate or mistake a sign: u8 stores 128 + q, pairs stay below 2^15. With them
// every int8 strategy is tested on every engine, those too that the engine does not choose.

import { runReference } from '../reference.ts'
import type { Device } from '../program/device.ts'
import type { Int8BlockWeight } from '../program/weights.ts'
import { assertExact } from './compare.ts'
import { seededRandom } from './random.ts'
import { linearProgram } from './sweep.ts'
import { randomWeight } from './weights.ts'

/**
 * Runs int8 layers of M rows and N outputs, dense and of blocks, on such operands.
 * @throws Error where an integer is not exact, or a guard band was written
 */
export async function checkUnsaturated(device: Device, Ms: number[], Ns: number[], seed: number): Promise<void> {
  const random = seededRandom(seed)
  for (const kind of ['int8', 'int8-1x4'] as const)
    for (const M of Ms)
      for (const N of Ns) {
        // a single row of blocks takes eight at a time
        const K = M === 1 ? 400 : 44
        const weight = randomWeight(kind, N, K, random, { values: 'saturated' })
        const stored = weight.kind === 'int8' ? weight.data : (weight as Int8BlockWeight).values
        stored.forEach((w, i) => (stored[i] = Math.sign(w) * 80))
        const rows = {
          data: Int8Array.from({ length: M * K }, () => random() * 64),
          scales: new Float32Array(M).fill(1),
        }
        const batch = { offsets: Int32Array.of(0, M), rows }
        const program = linearProgram(weight, null, { M, N, K, input: 's8' })
        const session = await device.load(program, { guard: true })
        assertExact(await session.run(batch), runReference(program, batch), `${kind} M ${M} N ${N}, seed ${seed}`)
        const written = await session.checkGuards()
        if (written.length > 0) throw new Error(`guard bands were written: ${written.join(', ')}`)
        session.dispose()
      }
}
