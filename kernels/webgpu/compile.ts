// From a program to GPU kernel calls: passes from program to program, then one call for each op.

import type { Program } from '../program/program.ts'
import { bytesPerWeight, lower, type Packing } from './lower.ts'
import { foldNorms } from './passes/fold-norms.ts'
import type { GpuProgram } from './passes/gpu-program.ts'
import { groupChains } from './passes/group-chains.ts'
import { mergeLinears } from './passes/merge-linears.ts'
import { placeQuantization } from './passes/place-quantization.ts'
import { shareDispatches } from './passes/share-dispatches.ts'
import type { CompiledProgram } from './session.ts'
import type { Uploader } from './upload.ts'

/** @param program with sparse layers stored as they shall run (passes/store-dense.ts) */
export async function compileProgram(program: Program, uploader: Uploader, packing: Packing): Promise<CompiledProgram> {
  let passed: GpuProgram = program
  passed = groupChains(passed)
  passed = foldNorms(passed)
  passed = mergeLinears(passed)
  passed = placeQuantization(passed)
  passed = shareDispatches(passed, bytesPerWeight(packing))
  // the passes add buffers behind the given ones
  return { program: { ...program, buffers: passed.buffers }, ...(await lower(passed, uploader, packing)) }
}
