// What `verify` says of a model, its files and the devices, in words: on a command line and in a page.

import type { FileDigest } from '../io/sums.ts'
import type { DeviceVerdict, Verdict } from './verify.ts'

export interface Certificate extends Verdict {
  /** ISO 8601 */
  date: string
  /** the model: a folder, an address, a name */
  source: string
  files: FileDigest[]
  notes: string[]
}

/** The verdict with what is wrong with the files, dated. */
export function certify(verdict: Verdict, source: string, files: FileDigest[], notes: readonly string[]): Certificate {
  const faults = [
    ...files
      .filter(({ state }) => state === 'differs' || state === 'missing')
      .map(({ name, state }) => `${name} ${state === 'missing' ? 'is missing' : 'differs from what was written'}`),
    ...verdict.faults,
  ]
  const areUnlisted = files.length > 0 && files.every(({ state }) => state === 'unlisted')
  const unlisted = 'the folder has no SHA256SUMS: whether its files are those that were written cannot be seen'
  return {
    date: new Date().toISOString(),
    source,
    files,
    ...verdict,
    notes: [...notes, ...(areUnlisted ? [unlisted] : [])],
    faults,
  }
}

/** @param versions of the package and of what runs it */
export function certificateText(certificate: Certificate, versions: string): string {
  const { date, source, files, devices, bound, moves, betweenThreads, notes, faults } = certificate
  const lines = [
    `${versions}, ${date}`,
    `model    ${source}`,
    ...files.map(({ name, sha256, state }) => `         ${sha256 ?? '-'}  ${name}: ${state}`),
    ...devices.flatMap(deviceLines),
    `bound    ${bound.toExponential(1)}: errors within the bounds of every op move the reference's logits by ${moves.toExponential(1)}`,
    `threads  logits differ by ${betweenThreads.toExponential(1)}`,
    ...notes.map((note) => `note     ${note}`),
    faults.length === 0 ? 'verified' : `not verified: ${faults.join('; ')}`,
  ]
  return `${lines.join('\n')}\n`
}

function deviceLines({ device, kernels, layers, worst, furthest }: DeviceVerdict): string[] {
  const outputs = kernels.reduce((sum, kernel) => sum + kernel.outputs, 0)
  const wrong = kernels.reduce((sum, kernel) => sum + kernel.wrong, 0)
  const variants = Object.entries(device.variants).map(([kernel, variant]) => `${kernel} ${variant}`)
  return [
    `device   ${device.name}${device.software ? ' (software GPU, emulated)' : ''}`,
    ...(variants.length > 0 ? [`         ${variants.join(', ')}`] : []),
    `         ${kernels.length} kinds and shapes of layers: ${outputs - wrong} of ${outputs} integers equal`,
    `         ${layers} layers as they are: no output further from the reference than ${worst.toFixed(2)} of its bound`,
    `         logits at most ${furthest.toExponential(1)} from the float64 reference`,
  ]
}
