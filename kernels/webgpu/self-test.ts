// Start-up self-test: before a session uses a shader on a device for the first time, the programs that its row of
// variants.ts names are compared with the float64 reference. A wrong shader is demoted for that device, and a note says so.

import type { ShaderName } from '../generated/shaders.ts'
import type { Proof, ProofProgram, WebgpuVariant } from '../program/variants.ts'
import { referenceWithBounds } from '../reference.ts'
import type { KernelCall } from './call.ts'
import { compileProgram } from './compile.ts'
import type { GpuContext } from './context.ts'
import { batchFor, inHalf } from './proofs.ts'
import { ProgramSession } from './session.ts'
import { Uploader } from './upload.ts'

/** Errors up to this many times the operation's own bound are rounding: adapters' exp and division differ by some ulp. */
const SLACK = 16

/** Variants of one shader that the same programs prove. */
interface Untested {
  shader: ShaderName
  proof: Proof
  rows: WebgpuVariant[]
}

/** Tests the variants that the calls would use and have not been tested here; demotes the wrong ones. */
export async function selfTest(context: GpuContext, calls: KernelCall[]): Promise<void> {
  for (;;) {
    const untested = untestedOf(context, calls)
    if (untested.length === 0) return
    const faults = await Promise.all(untested.map(({ shader, proof }) => faultOf(context, shader, proof)))
    for (const [i, { shader, rows }] of untested.entries()) {
      const fault = faults[i]
      if (fault === null) for (const row of rows) context.trusted.add(row)
      else if (!context.demoted.has(shader)) {
        context.demoted.add(shader)
        context.notes.push(`${shader} failed its self-test and is not used: ${fault}`)
      }
    }
  }
}

function untestedOf(context: GpuContext, calls: KernelCall[]): Untested[] {
  const untested: Untested[] = []
  for (const row of new Set(calls.flatMap((call) => context.variants(call).map(({ row }) => row)))) {
    if (context.trusted.has(row)) continue
    const alike = untested.find(({ shader, proof }) => shader === row.shader && proof === row.proof)
    if (alike) alike.rows.push(row)
    else untested.push({ shader: row.shader, proof: row.proof, rows: [row] })
  }
  return untested
}

/** What is wrong with a shader on this device, or null. */
async function faultOf(context: GpuContext, shader: ShaderName, proof: Proof): Promise<string | null> {
  try {
    for (const program of proof()) {
      const fault = await faultIn(context, shader, program)
      if (fault !== null) return fault
    }
    return null
  } catch (error) {
    context.check()
    return String(error)
  }
}

async function faultIn(
  context: GpuContext,
  shader: ShaderName,
  { program, allowed }: ProofProgram,
): Promise<string | null> {
  const batch = batchFor(program)
  const { values, bounds } = referenceWithBounds(context.precision !== 'f32' ? inHalf(program) : program, batch)
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  const allowedAt = (i: number): number =>
    allowed === 'exact' ? 0 : allowed === 'bound' ? SLACK * bounds[i] + 1e-6 * rms : allowed * rms
  const uploader = new Uploader(context.device, context.maxBindingBytes)
  try {
    const compiled = await compileProgram(program, uploader, context)
    // a shader may have several variants in a call, such as tile heights: all are tried
    const ofShader = compiled.calls.flatMap(({ variants }) => variants.filter(({ row }) => row.shader === shader))
    for (const variant of ofShader) {
      const anyRows = { ...variant, minRows: undefined, maxRows: undefined }
      const calls: KernelCall[] = compiled.calls.map((call) => ({
        ...call,
        variants: call.variants.includes(variant) ? [anyRows] : call.variants.slice(-1),
      }))
      const nothing = new Uploader(context.device, context.maxBindingBytes)
      const session = await ProgramSession.create(context, { ...compiled, calls }, nothing, {})
      const actual = await session.run(batch).finally(() => session.dispose())
      const wrong = values.findIndex((value, i) => !(Math.abs(actual[i] - value) <= allowedAt(i)))
      if (wrong >= 0) return `element ${wrong} is ${actual[wrong]}, should be ${values[wrong]}`
    }
    return null
  } finally {
    uploader.dispose()
  }
}
