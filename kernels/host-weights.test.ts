import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import type { Device } from './program/device.ts'
import { ALL_DEVICES } from './testing/devices.ts'
import { everyKind, idsOf } from './testing/every-kind.ts'

const NAMES = ['wasm relaxed, 2 threads', 'webgpu direct', 'webgpu tiled']
const DEVICES = ALL_DEVICES.filter(({ name }) => NAMES.includes(name))

it.each(DEVICES)('$name: holds no weights of the host once they are loaded', async ({ create }) => {
  const device = await create()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const arrays: [string, WeakRef<object>][] = []
  const load = async (): Promise<ReturnType<Device['load']>> => {
    const program = everyKind(4)
    for (const op of program.ops) {
      if (op.kind === 'linear')
        for (const part of Object.values(op.weight) as unknown[])
          if (ArrayBuffer.isView(part)) arrays.push([op.weight.kind, new WeakRef(part)])
      if (op.kind === 'embedding') arrays.push(['word table', new WeakRef(op.word.data)])
    }
    return device.load(program)
  }
  const session = await load()
  await session.run(idsOf([9], 1))
  await new Promise((resolve) => setTimeout(resolve, 10))
  collect()
  expect(arrays.filter(([, array]) => array.deref() !== undefined).map(([kind]) => kind)).toEqual([])
  expect(arrays.length).toBeGreaterThan(10)
  await session.run(idsOf([9], 1))
  session.dispose()
  await device.dispose()
})
