import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../../kernels/program/device.ts'
import type { Op } from '../../kernels/program/program.ts'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { syntheticModel } from '../../testing/models.ts'
import { checkSums } from '../io/sums.node.ts'
import { saveModel } from '../model/save.ts'
import { verifyModel } from './verify.ts'

type LinearOp = Extract<Op, { kind: 'linear' }>

const MAIN = join(import.meta.dirname, '../cli/main.ts')

let root: string
let device: Device
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'verify-'))
  device = await createWasmDevice({ threads: 1 })
  await saveModel(syntheticModel('int8'), join(root, 'model'))
})
afterAll(async () => {
  await device.dispose()
  await rm(root, { recursive: true })
})

/** A device whose outputs are changed on their way. */
const wrong = (change: (y: Float32Array) => void): Device => ({
  ...device,
  info: () => device.info(),
  load: async (program, options) => {
    const session = await device.load(program, options)
    const run: typeof session.run = async (batch) => {
      const y = await session.run(batch)
      change(y)
      return y
    }
    return { ...session, run, dispose: () => session.dispose() }
  },
})

describe('verifyModel', () => {
  // the other formats: testing/engines
  it.each(['f32', 'int8'] as const)('finds nothing wrong with %s', async (format) => {
    const { faults, devices, betweenThreads } = await verifyModel(syntheticModel(format, 3), [device, device])
    expect(faults).toEqual([])
    expect(betweenThreads).toBe(0)
    for (const { kernels } of devices)
      expect(kernels.reduce((sum, { outputs }) => sum + outputs, 0)).toBeGreaterThan(100)
  })

  it('finds one integer that is off by one, and NaN', async () => {
    const offByOne = await verifyModel(syntheticModel('int8'), [wrong((y) => void y[3]++)])
    expect(offByOne.faults[0]).toMatch(
      /1 of \d+ integers of bert\.encoder\.layer\.0\.attention\.self\.query \(int8\) are wrong/,
    )
    expect(offByOne.faults.at(-1)).toMatch(/a logit is (0\.9|1)\d*(\.\d*)? from the reference, expected at most/)
    const notANumber = await verifyModel(syntheticModel('f32'), [wrong((y) => void y.fill(NaN, 0, 1))])
    expect(notANumber.faults.at(-1)).toMatch(/a logit is NaN from the reference/)
    expect(notANumber.betweenThreads).toBe(0)
  })

  /** A device on which linear layers with GELU, the feed-forward ones, are others. */
  const mutated = (change: (op: LinearOp) => Partial<LinearOp>): Device => ({
    ...device,
    info: () => device.info(),
    load: (program, options) =>
      device.load(
        {
          ...program,
          ops: program.ops.map((op) =>
            op.kind === 'linear' && op.activation === 'gelu' ? { ...op, ...change(op as LinearOp) } : op,
          ),
        },
        options,
      ),
  })

  it.each(['f32', 'int8'] as const)(
    'finds one weight that is a little off, and another activation, in %s',
    async (format) => {
      const model = syntheticModel(format, 3)
      const oneWeight = mutated(({ weight }) => {
        const changed = structuredClone(weight)
        if (changed.kind === 'f32') changed.data[7] *= 1 + 2 ** -12
        if (changed.kind === 'int8') changed.data[7] += changed.data[7] > 0 ? -1 : 1
        return { weight: changed }
      })
      const { faults } = await verifyModel(model, [oneWeight])
      expect(faults.join('\n')).toMatch(
        /an output of linear layer 5 of 14 \(\w+, gelu\) is [\d.]+ times as far from the reference as it may be/,
      )
      // tanh's GELU is 5e-4 from the other at most
      const otherGelu = await verifyModel(model, [mutated(() => ({ activation: 'gelu_tanh' }))])
      expect(otherGelu.faults.join('\n')).toMatch(/linear layer 5 of 14 .* is [\d.]+ times as far/)
    },
  )

  it('has a bound on logits of f32 that leaves no room', async () => {
    const { bound, devices } = await verifyModel(syntheticModel('f32', 3), [device])
    expect(bound).toBeLessThan(1e-5)
    expect(devices[0].worst).toBeLessThan(1)
  })

  it('stops where the signal says so', () =>
    expect(
      verifyModel(syntheticModel('f32'), [device], { signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough'))
})

describe('digests of a folder', () => {
  it('tell files that were written from those that were changed since', async () => {
    const folder = join(root, 'changed')
    await cp(join(root, 'model'), folder, { recursive: true })
    const weights = await readFile(join(folder, 'model.safetensors'))
    weights[weights.length - 1] ^= 1
    await writeFile(join(folder, 'model.safetensors'), weights)
    await rm(join(folder, 'config.json'))
    await writeFile(join(folder, 'vocab.txt'), 'a\n')
    expect((await checkSums(folder)).map(({ name, state }) => `${name} ${state}`)).toEqual([
      'config.json missing',
      'model.safetensors differs',
      'vocab.txt unlisted',
    ])
    await writeFile(join(folder, 'SHA256SUMS'), `${'0'.repeat(64)}  ../escaped\n`)
    await expect(checkSums(folder)).rejects.toThrow(/SHA256SUMS has the line .* expected a SHA-256 and a file/)
  })

  it('are in the certificate, which fails where they differ', async () => {
    const folder = join(root, 'verb')
    await cp(join(root, 'model'), folder, { recursive: true })
    const config = await readFile(join(folder, 'config.json'), 'utf8')
    await writeFile(join(folder, 'config.json'), `${config}\n`)
    const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) =>
      execFile(
        process.execPath,
        [MAIN, 'verify', folder, '--threads', '1', '--no-gpu', '--json'],
        (error, out, words) => resolve({ code: error?.code, stdout: out, stderr: words }),
      ),
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(/is not verified: config\.json differs from what was written$/m)
    const certificate = JSON.parse(stdout) as { files: object[]; devices: object[] }
    expect(certificate.files).toContainEqual(
      expect.objectContaining({ name: 'model.safetensors', state: 'as written' }),
    )
    expect(certificate.devices.length).toBeGreaterThan(0)
  })
})
