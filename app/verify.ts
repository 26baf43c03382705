// The certificate of the opened model on the devices of this browser, as the command `verify` prints it.

import manifest from '../package.json' with { type: 'json' }
import type { Device } from '../kernels/program/device.ts'
import { certificateText, certify } from '../ts/evaluation/certificate.ts'
import { verifyModel } from '../ts/evaluation/verify.ts'
import { isModelFile } from '../ts/io/folder.ts'
import { digestState, parseSums, SUMS_FILE, type FileDigest } from '../ts/io/sums.ts'
import type { DeviceRequest, ModelChoice, Verified } from './messages.ts'
import { deviceFor, filesOf, forgetDevices, variantFor, type Say } from './open.ts'
import { AS_SHIPPED } from './variants.ts'

/** Files are those that the variant is made from. */
export async function verify(
  choice: ModelChoice,
  variant: string,
  requests: readonly DeviceRequest[],
  say: Say,
): Promise<Verified> {
  const { weights, notes: made } = await variantFor(choice, variant, say)
  const notes = [...made]
  const files = isSecureContext ? await checkFiles(choice, say) : []
  if (!isSecureContext)
    notes.push('the page is in no secure context (https), where a browser makes no digests of files')
  const devices: Device[] = []
  for (const request of requests)
    try {
      devices.push(await deviceFor(request))
    } catch (error) {
      if (request.kind !== 'webgpu') throw error
      notes.push((error as Error).message)
    }
  if (!requests.some(({ kind }) => kind === 'webgpu')) notes.push('the browser gave no WebGPU adapter')
  try {
    const verdict = await verifyModel(weights, devices)
    notes.push(...devices.flatMap((device) => device.info().notes))
    const source = variant === AS_SHIPPED ? choice.name : `${choice.name}, ${variant}`
    const certificate = certify(verdict, source, files, notes)
    return {
      certificate: certificateText(certificate, `compact-kernels ${manifest.version}, ${navigator.userAgent}`),
      isRight: certificate.faults.length === 0,
    }
  } catch (error) {
    await forgetDevices()
    throw error
  }
}

async function checkFiles(choice: ModelChoice, say: Say): Promise<FileDigest[]> {
  const { [SUMS_FILE]: sums, ...files } = await filesOf(choice, (name) => name === SUMS_FILE || isModelFile(name), say)
  const listed = parseSums(sums ? new TextDecoder().decode(sums) : '', choice.name)
  const names = [...new Set([...listed.keys(), ...Object.keys(files)])].sort()
  return Promise.all(
    names.map(async (name) => {
      const sha256 = Object.hasOwn(files, name) ? await digestOf(files[name]) : null
      return { name, sha256, state: digestState(sha256, listed.get(name)) }
    }),
  )
}

async function digestOf(content: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
