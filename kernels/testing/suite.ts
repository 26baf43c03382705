// One device per test file and name, made once and disposed after the file's tests.

import { afterAll } from 'vitest'
import type { Device } from '../program/device.ts'
import type { LeafWeight } from '../program/weights.ts'
import type { TestDevice } from './devices.ts'
import { sweepLinear, type SweepCase } from './sweep.ts'

const made = new Map<string, Promise<Device>>()

/** The device of that name, shared by the tests of one file. */
export function deviceOf(device: TestDevice): Promise<Device> {
  let creation = made.get(device.name)
  if (!creation) {
    made.set(device.name, (creation = device.create()))
    creation.catch(() => made.delete(device.name))
  }
  return creation
}

afterAll(async () => {
  for (const creation of made.values()) await (await creation).dispose()
})

export async function sweepOn(
  device: TestDevice,
  kind: LeafWeight['kind'],
  cases: SweepCase[],
  seed = 1,
): Promise<void> {
  await sweepLinear(await deviceOf(device), kind, cases, seed)
}
