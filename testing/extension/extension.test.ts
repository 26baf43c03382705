// What CONTRIBUTING.md says about additions holds: one of each kind is made in a copy of the tree, touches as many files as
// it says, compiles and works; and where a part of it is left out, the compiler names what is missing.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { family, option, shader, step, tile, verb } from './additions.ts'
import { Tree, type Addition } from './tree.ts'

interface Kind {
  name: string
  addition: Addition
  /** existing files that it may touch */
  most: number
  /** a module of the copy that uses the addition; it throws where that does not work */
  use: string
  /** what is left out, in which file the text is replaced by what, where the compiler says what */
  without: { part: string; file: string; text: string | null; replaced?: string; at: string; says: RegExp }[]
}

/** A dense f32 layer of small integers, whose sums are exact, with parts of tiles in every direction. */
const LINEAR = `
      const [M, N, K] = [7, 21, 12]
      const weight = { kind: 'f32', N, K, data: Float32Array.from({ length: N * K }, (_, i) => (i % 7) - 3) }
      const batch = { offsets: Int32Array.of(0, M), rows: Float32Array.from({ length: M * K }, (_, i) => (i % 5) - 1) }
      const buffer = (name, width) => ({ name, rows: 'tokens', width, dtype: 'f32' })
      const linear = { kind: 'linear', input: 0, output: 1, weight, bias: null, activation: 'none', residual: null }
      const program = { buffers: [buffer('x', K), buffer('y', N)], ops: [linear], input: 0, output: 1 }
      const sums = Array.from({ length: M * N }, (_, at) => {
        const [m, n] = [Math.floor(at / N), at % N]
        let sum = 0
        for (let k = 0; k < K; k++) sum += batch.rows[m * K + k] * weight.data[n * K + k]
        return sum
      })`

const KINDS: Kind[] = [
  {
    name: 'a WebAssembly tile',
    addition: tile,
    most: 2,
    use: `
      ${LINEAR}
      const { createWasmDevice } = await import('./kernels/wasm/device.ts')
      const device = await createWasmDevice({ build: 'baseline', threads: 1 })
      const session = await device.load(program)
      deepEqual([...(await session.run(batch))], sums)
      const { variants, notes } = device.info()
      match(variants['dense-matmul'], /4x16/)
      deepEqual(notes, [])
      await device.dispose()`,
    without: [
      {
        part: 'the name of the function that runs it',
        file: 'kernels/dense-matmul/variants.ts',
        text: "    run: 'tileF32Rows4',\n",
        at: 'kernels/dense-matmul/variants.ts',
        says: /Property 'run' is missing/,
      },
      {
        part: 'a proof',
        file: 'kernels/dense-matmul/variants.ts',
        text: "unrolled: 1 },\n    proof: 'dense-matmul',\n    shownAs: { key: 'dense-matmul', text: (engine) => f32Text('f32 4x16', engine) },",
        replaced:
          "unrolled: 1 },\n    shownAs: { key: 'dense-matmul', text: (engine) => f32Text('f32 4x16', engine) },",
        at: 'kernels/dense-matmul/variants.ts',
        says: /Property 'proof' is missing/,
      },
      {
        part: 'a note',
        file: 'kernels/dense-matmul/variants.ts',
        text: tile.edits[1].text,
        at: 'kernels/dense-matmul/variants.ts',
        says: /Property '"f32\/4x16"' is missing/,
      },
    ],
  },
  {
    name: 'a shader variant',
    addition: shader,
    most: 1,
    use: `
      ${LINEAR}
      const { createGpuDevice } = await import('./kernels/webgpu/device.ts')
      const device = await createGpuDevice({ kernels: 'direct' })
      const session = await device.load(program)
      deepEqual([...(await session.run(batch))], sums)
      const { variants, notes } = device.info()
      equal(variants['dense-matmul'], 'copy')
      deepEqual(notes, [])
      await device.dispose()`,
    without: [
      {
        part: 'a row',
        file: 'kernels/dense-matmul/variants.ts',
        text: "    shader: 'dense-matmul.copy',",
        replaced: "    shader: 'dense-matmul.direct',",
        at: 'kernels/variants.ts',
        says: /"dense-matmul.copy".* does not satisfy the constraint 'never'/,
      },
      {
        part: 'a proof',
        file: 'kernels/dense-matmul/variants.ts',
        text: '    covers: { columns: 32, rows: 32 },\n    proof: provesDense,\n',
        replaced: '    covers: { columns: 32, rows: 32 },\n',
        at: 'kernels/dense-matmul/variants.ts',
        says: /Property 'proof' is missing/,
      },
      {
        part: 'a note',
        file: 'kernels/dense-matmul/variants.ts',
        text: shader.edits[1].text,
        at: 'kernels/dense-matmul/variants.ts',
        says: /Property 'copy' is missing/,
      },
      {
        part: 'the workgroup memory that it has',
        file: 'kernels/generated/shaders.ts',
        text: "'dense-matmul.copy': { overrides: never; usesWorkgroupMemory: false;",
        replaced: "'dense-matmul.copy': { overrides: never; usesWorkgroupMemory: true;",
        at: 'kernels/dense-matmul/variants.ts',
        says: /is not assignable to type 'true'/,
      },
    ],
  },
  {
    name: 'a recipe step',
    addition: step,
    most: 1,
    use: `
      const { applyRecipe, parseRecipe } = await import('./ts/compress.ts')
      const { presetModel } = await import('./ts/model/preset.ts')
      const { model } = await applyRecipe(presetModel('tiny'), 'round6+q8', { seed: 1 })
      equal(model.config.recipe, 'round6+q8')
      ok(model.embeddings.word.data.every((x) => Number.isInteger(x * 64)))
      throws(() => parseRecipe('e8+round6'), /put it before e8/)
      throws(() => parseRecipe('roundabout'), /round<B>/)
      const { inspectSource } = await import('./ts/recipe/ledger.ts')
      equal((await inspectSource('preset:tiny', { recipe: 'round6' })).bytes, (await inspectSource('preset:tiny')).bytes)`,
    without: [
      {
        part: 'reshape',
        file: 'ts/recipe/steps/round.ts',
        text: '  reshape: (shape) => shape,\n',
        at: 'ts/recipe/steps/round.ts',
        says: /Property 'reshape' is missing/,
      },
      {
        part: 'what it cannot follow',
        file: 'ts/recipe/steps/round.ts',
        text: "  cannotFollow: { 'int8 words': 'int8 words are rounded already: put it before e8' },\n",
        at: 'ts/recipe/steps/round.ts',
        says: /Property 'cannotFollow' is missing/,
      },
    ],
  },
  {
    name: 'an option',
    addition: option,
    most: 1,
    use: `
      const { execFileSync } = await import('node:child_process')
      const words = ['ts/cli/main.ts', 'inspect', 'preset:tiny', '--largest', '2', '--json']
      equal(JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' })).groups.length, 2)`,
    without: [
      {
        part: 'its declaration',
        file: 'ts/cli/verbs/inspect.ts',
        text: option.edits[0].text,
        at: 'ts/cli/verbs/inspect.ts',
        says: /Property 'largest' does not exist/,
      },
    ],
  },
  {
    name: 'a verb',
    addition: verb,
    most: 1,
    use: `
      const { execFileSync } = await import('node:child_process')
      const words = ['ts/cli/main.ts', 'labels', 'preset:tiny']
      equal(execFileSync(process.execPath, words, { encoding: 'utf8' }), 'negative\\npositive\\n')`,
    without: [
      {
        part: 'its declaration',
        file: 'ts/cli/verbs/labels.ts',
        text: 'export const declare',
        replaced: 'export const other',
        at: 'ts/cli/main.ts',
        says: /Property 'declare' does not exist/,
      },
    ],
  },
  {
    name: 'a family',
    addition: family,
    most: 1,
    use: `
      const { memoryFiles } = await import('./ts/io/folder.ts')
      const { loadModelFiles } = await import('./ts/model/load.ts')
      const { loadFamily } = await import('./ts/families/index.ts')
      const { randomModel } = await import('./ts/model/preset.ts')
      const { encodeModel } = await import('./ts/model/save.ts')
      await loadFamily('lantern')
      const config = { family: 'lantern', vocabSize: 9, hiddenSize: 8, layers: 1, heads: 2, intermediateSize: 16,
        maxPositions: 8, typeVocabSize: 1, layerNormEpsilon: 1e-12, labels: ['a', 'b'], recipe: '', lowercase: true }
      const files = encodeModel(randomModel(config))
      const { weights } = await loadModelFiles(memoryFiles(files, 'folder'))
      equal(weights.config.family, 'lantern')
      ok(Buffer.from(files['model.safetensors']).includes('lantern.layer.0.up.weight'))`,
    without: [
      {
        part: 'the name of a norm',
        file: 'ts/families/lantern.ts',
        text: ", output: 'norm2'",
        at: 'ts/families/lantern.ts',
        says: /'output' is missing/,
      },
      {
        part: 'its file',
        file: 'ts/families/lantern.ts',
        text: null,
        at: 'ts/families/index.ts',
        says: /Cannot find module '.\/lantern.ts'/,
      },
    ],
  },
]

const ASSERT = "import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'"

let tree: Tree
beforeAll(async () => {
  tree = new Tree()
  for (const { addition } of KINDS) tree.apply(addition)
  await tree.generate()
}, 300_000)
afterAll(() => tree.remove())

it('the tree with all additions compiles', () => {
  expect(tree.errors()).toEqual([])
})

describe.each(KINDS)('$name', ({ addition, most, use, without }) => {
  it(`touches no more than ${most} of the files that are there`, () => {
    const files = new Set(addition.edits.map(({ file }) => file))
    expect(files.size).toBeLessThanOrEqual(most)
  })

  it('works', async () => {
    await tree.node('--input-type=module', '-e', `${ASSERT}\n${use}`)
  })

  it.each(without)('without $part does not compile', ({ file, text, replaced = '', at, says }) => {
    const whole = tree.read(file)
    if (text !== null) expect(whole).toContain(text)
    const errors = tree.errors([at], { [file]: text === null ? null : whole.replace(text, replaced) })
    expect(errors.join('\n')).toMatch(says)
  })
})
