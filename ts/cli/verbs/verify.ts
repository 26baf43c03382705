// `verify`: whether a model's files are those that were written, and whether this machine computes it as the reference does.

import type { Command } from '@commander-js/extra-typings'
import type { Device } from '../../../kernels/program/device.ts'
import { examples } from '../examples.ts'
import { jsonOption, MODEL_HELP, seedOption, threadsOption } from '../values.ts'
import { wideOption } from '../wide.ts'

const EXAMPLES = examples('compact-kernels verify my-small', 'compact-kernels verify my-small --no-gpu --json')

const options = (program: Command) =>
  program
    .command('verify')
    .description('check a model’s files, and that this machine computes it as the float64 reference does')
    .argument('<model>', MODEL_HELP)
    .option('--no-gpu', 'leave the GPU out')
    .addOption(threadsOption())
    .addOption(wideOption())
    .addOption(seedOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)

export const declare = (program: Command): void => void options(program).action(run)

/** Prints a certificate; fails where a file or a number is not as it shall be. */
async function run(source: string, flags: ReturnType<ReturnType<typeof options>['opts']>): Promise<void> {
  const { isFolder } = await import('../../io/folder.node.ts')
  const { checkSums } = await import('../../io/sums.node.ts')
  const { loadModel } = await import('../../model/load.ts')
  const { certify, certificateText } = await import('../../evaluation/certificate.ts')
  const { verifyModel } = await import('../../evaluation/verify.ts')
  const { describeMachine } = await import('../../report/machine.ts')
  const { createProgress } = await import('../progress.ts')
  const reporter = createProgress()
  const { weights, where } = await loadModel(source)
  const files = (await isFolder(where)) ? await checkSums(where) : []
  const { devices, notes } = await openDevices(flags)
  try {
    const verdict = await verifyModel(weights, devices, { seed: flags.seed, progress: (what) => reporter.stage(what) })
    const certificate = certify(verdict, where, files, notes)
    const { machine, engine } = await describeMachine(devices[0].info(), null)
    process.stdout.write(
      flags.json
        ? `${JSON.stringify({ engine, machine, ...certificate })}\n`
        : certificateText(certificate, `compact-kernels ${engine.version}, Node ${engine.node}`),
    )
    const { faults } = certificate
    if (faults.length > 0) throw new Error(`${source} is not verified: ${faults.join('; ')}`)
  } finally {
    for (const device of devices) await device.dispose()
  }
}

/** One thread, as many as are asked for, with the wide kernels where they are asked for, and the GPU where there is one. */
async function openDevices({
  threads,
  gpu: withGpu,
  wide,
}: {
  threads?: number
  gpu: boolean
  wide?: boolean
}): Promise<{ devices: Device[]; notes: string[] }> {
  const { openDevice } = await import('../../inference/devices.ts')
  const devices = [(await openDevice({ device: 'cpu', threads: 1, wide })).device]
  const several = (await openDevice({ device: 'cpu', threads, wide })).device
  if (several.info().threads > 1) devices.push(several)
  else await several.dispose()
  const notes: string[] = []
  if (!withGpu) notes.push('the GPU was left out')
  else
    try {
      devices.push((await openDevice({ device: 'gpu' })).device)
    } catch (error) {
      notes.push((error as Error).message)
    }
  return { devices, notes: [...notes, ...devices.flatMap((device) => device.info().notes)] }
}
