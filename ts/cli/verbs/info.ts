// `info`: the devices that are found here.

import type { Command } from '@commander-js/extra-typings'
import type { DeviceInfo } from '../../../kernels/program/device.ts'
import { examples } from '../examples.ts'
import { jsonOption, threadsOption } from '../values.ts'
import { wideOption } from '../wide.ts'

const EXAMPLES = examples('compact-kernels info', 'compact-kernels info --threads 1 --json')

const options = (program: Command) =>
  program
    .command('info')
    .description('the devices that are found here')
    .addOption(threadsOption())
    .addOption(wideOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)

export const declare = (program: Command): void => void options(program).action(run)

/** Opens each device and says what it is; a missing GPU is said, not an error. */
async function run(flags: ReturnType<ReturnType<typeof options>['opts']>): Promise<void> {
  const { openDevice } = await import('../../inference/devices.ts')
  const { describeMachine } = await import('../../report/machine.ts')
  const found: Partial<Record<'cpu' | 'gpu', DeviceInfo>> = {}
  let noGpu = ''
  const { device: cpu } = await openDevice({ device: 'cpu', threads: flags.threads, wide: flags.wide })
  found.cpu = cpu.info()
  await cpu.dispose()
  try {
    const { device: gpu } = await openDevice({ device: 'gpu' })
    found.gpu = gpu.info()
    await gpu.dispose()
  } catch (error) {
    noGpu = (error as Error).message
  }
  const { machine, engine } = await describeMachine(found.cpu, found.gpu?.name ?? null)
  if (flags.json) {
    process.stdout.write(
      `${JSON.stringify({ machine, engine, cpu: found.cpu, gpu: found.gpu ?? null, noGpu: noGpu || null })}\n`,
    )
    return
  }
  const lines = [
    `compact-kernels ${engine.version}, Node ${engine.node} (V8 ${engine.v8}), ${machine.platform}`,
    `machine  ${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`,
    ...describe('CPU', found.cpu),
    ...(found.gpu ? describe('GPU', found.gpu) : [`GPU      ${noGpu}`]),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

function describe(kind: string, info: DeviceInfo): string[] {
  const variants = Object.entries(info.variants).map(([kernel, variant]) => `${kernel} ${variant}`)
  return [
    `${kind.padEnd(9)}${info.name}${info.software ? ' (software GPU, emulated)' : ''}`,
    ...(variants.length ? [`         ${variants.join(', ')}`] : []),
    ...info.notes.map((note) => `         ${note}`),
  ]
}
