// What our reader makes of many safetensors files: standard input has u32 lengths and files, one after another; standard
// output a line of JSON for each. safetensors_oracle.py runs it.

import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { memorySource, openSafetensors } from '../../ts/io/safetensors.ts'
import { readStored } from '../../ts/io/tensors.ts'

async function answer(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  try {
    const file = await openSafetensors(memorySource(bytes, 'case'))
    const tensors: Record<string, unknown> = {}
    for (const entry of file.tensors.values()) {
      const { buffer: memory, byteOffset, byteLength } = await readStored(file, entry)
      const sha256 = createHash('sha256')
        .update(new Uint8Array(memory, byteOffset, byteLength))
        .digest('hex')
      // no plain key, which could be __proto__
      tensors[`tensor ${entry.name}`] = [entry.dtype, entry.shape, sha256]
    }
    return { tensors }
  } catch (error) {
    return { refused: `${(error as Error).name}: ${(error as Error).message}` }
  }
}

const all = await buffer(process.stdin)
const lines: string[] = []
for (let at = 0; at < all.length;) {
  const length = all.readUInt32LE(at)
  lines.push(JSON.stringify(await answer(Uint8Array.from(all.subarray(at + 4, at + 4 + length)))))
  at += 4 + length
}
process.stdout.write(`${lines.join('\n')}\n`)
