// Digests in pieces against Node's own.

import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { bytes, seededRandom } from '../../kernels/testing/random.ts'
import { createDigest } from './digests.ts'

it.each(['sha256', 'sha1'] as const)(
  '%s is that of Node at every length around a block, in pieces of any size',
  (algorithm) => {
    const random = seededRandom(1)
    for (const length of [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000, 70_001]) {
      const content = new Uint8Array(bytes(length, random).buffer)
      const digest = createDigest(algorithm)
      for (let at = 0; at < length;) {
        const size = Math.floor(random() * 150)
        digest.update(content.subarray(at, at + size))
        at += size
      }
      expect(digest.end(), `${length} bytes`).toBe(createHash(algorithm).update(content).digest('hex'))
    }
  },
)
