// `compact-kernels compress` and `inspect` from outside.

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { expectSentence, makePlace, type Ended } from '../../testing/command-line.ts'

const { folder, model, run, remove } = await makePlace()
afterAll(remove)

describe('compress and inspect', () => {
  it('names the steps there are for an unknown one, and leaves nothing', async () => {
    expectSentence(
      await run(['compress', 'model', '--recipe', 'q9', '--out', 'q9']),
      /unknown step 'q9'.*q8.*sp<NN>x4/s,
      2,
    )
    expect(await readdir(folder)).not.toContain('q9')
  })
  it('writes a model that loads again, with the bytes its ledger says', async () => {
    const made = await run(['compress', 'model', '--recipe', 'q8+e8', '--out', 'q8e8', '--json'])
    expect(made.stderr).not.toMatch(/compact-kernels:/)
    const { bytes } = JSON.parse(made.stdout)
    const size = (await stat(join(folder, 'q8e8', 'model.safetensors'))).size
    expect(bytes).toBe(size)
    const ledger = JSON.parse((await run(['inspect', 'q8e8', '--json'])).stdout)
    expect(ledger.bytes).toBe(size)
    expect(ledger.groups.reduce((sum: number, group: { bytes: number }) => sum + group.bytes, 0)).toBe(size)
    expect(size).toBeLessThan((await stat(join(model, 'model.safetensors'))).size / 2)
  })
  it('cuts the vocabulary to the texts', async () => {
    const made = await run(['compress', 'model', '--recipe', 'vocab', '--data', 'data.csv', '--out', 'vocab', '--json'])
    expect(made.code).toBe(0)
    const kept = (await readFile(join(folder, 'vocab', 'vocab.txt'), 'utf8')).trim().split('\n')
    expect(kept).toContain('film')
    const ask = async (name: string) =>
      (await run(['classify', name], { input: 'a very good film\na bad film\n' })).stdout
    expect(await ask('vocab')).toBe(await ask('model'))
  })
  it('fits factors to texts, and says that it needs them', async () => {
    const [recipe, out] = ['wsvd:0.25', 'wsvd']
    expectSentence(await run(['compress', 'model', '--recipe', recipe, '--out', out]), /wsvd:0\.25 .*--data FILE/, 2)
    const made = await run(['compress', 'model', '--recipe', recipe, '--data', 'data.csv', '--out', out, '--json'])
    expect(made.code).toBe(0)
    expect(JSON.parse(made.stdout).notes.join()).toMatch(/wsvd: .*error of the outputs .*biases corrected/)
    expect((await run(['classify', out], { input: 'a very good film\n' })).code).toBe(0)
  })
  it("gives the study's ten sizes with their recipes", async () => {
    const { stdout } = await run(['inspect', '--study'])
    expect(stdout).toMatch(/^tucker\+e8 +109 +109\.09 +\+0\.1 % +110\.05 +tucker:136\+e8/m)
    expect(stdout.trim().split('\n')).toHaveLength(11)
    expectSentence(await run(['inspect', 'model', '--study']), /--study .*give no model/, 2)
    expectSentence(await run(['inspect']), /which model/, 2)
  })
  it('counts a preset under a recipe without making it', async () => {
    const { stdout } = await run(['inspect', 'preset:mbert', '--recipe', 'q8', '--json'])
    expect(JSON.parse(stdout).bytes / 1e6).toBeCloseTo(454.8, 0)
    for (const [recipe, line] of [
      ['q8', 'all but scales  454.842'],
      ['q8+e8', 'all but scales  179.406'],
    ])
      expect((await run(['inspect', 'preset:mbert', '--recipe', recipe])).stdout).toContain(line)
    expect((await run(['inspect', 'preset:mbert'])).stdout).toMatch(/^all +711\.420/m)
  })
})

describe('compress by a budget', () => {
  const compress = (...args: string[]): Promise<Ended> =>
    run(['compress', 'model', '--data', 'data.csv', '--threads', '1', ...args])

  it('of bytes: the file keeps it, the ledger adds up to the file, inspect says the same', async () => {
    const made = await compress('--budget', '14kB', '--out', 'small', '--ledger', 'ledger.json', '--json')
    expect(made.stderr).not.toMatch(/compact-kernels:/)
    const ledger = JSON.parse(made.stdout)
    expect(JSON.parse(await readFile(join(folder, 'ledger.json'), 'utf8'))).toEqual(ledger)
    const size = (await stat(join(folder, 'small', 'model.safetensors'))).size
    expect(size).toBeLessThanOrEqual(14_000)
    expect([ledger.written, ledger.bytes.after]).toEqual([size, size])
    const layers: { bytesAfter: number; method: string }[] = ledger.layers
    expect(layers.reduce((sum, { bytesAfter }) => sum + bytesAfter, ledger.rest.bytesAfter)).toBe(size)
    expect(layers.some(({ method }) => method !== 'f32')).toBe(true)
    expect(JSON.parse((await run(['inspect', 'small', '--json'])).stdout).bytes).toBe(size)
    const config = JSON.parse(await readFile(join(folder, 'small', 'config.json'), 'utf8'))
    expect(config.compression.recipe).toBe('budget:14kB')
    // it runs, and is not compressed again by accident
    expect((await run(['classify', 'small'], { input: 'a bad film\n' })).code).toBe(0)
    expectSentence(await run(['compress', 'small', '--recipe', 'q8', '--out', 'x']), /'q8' after 'budget:14kB'/)
  })

  it('of time and of loss: a table for people', async () => {
    for (const [goal, words] of [
      [['--budget', '1000ms'], /^all .*\n.* MB, was .* MB\n.* ms a text of 12 tokens \(estimated /m],
      [['--max-loss', '50%', '--fastest'], /F1 0\.\d+ \[.*\], was .*, on 24 texts held out/],
    ] as const) {
      const { code, stdout, stderr } = await compress(...goal, '--out', 'other')
      expect(stderr).toMatch(/24 texts to measure F1 with are few/)
      expect(code).toBe(0)
      expect(stdout).toMatch(/^embeddings\.word_embeddings +(f32|e8) /m)
      expect(stdout).toMatch(/^0\.attention\.self\.query +\S+ +4\.1 /m)
      expect(stdout).toMatch(words)
    }
  })

  it('says what can be reached, and leaves nothing', async () => {
    const ended = await compress('--budget', '2kB', '--out', 'never')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/budget:2kB: the least that this model can be brought to is 0\.0\d\d MB/)
    expect(await readdir(folder)).not.toContain('never')
  })
})
