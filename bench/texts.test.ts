// `bench texts` end to end on a small model that the repository has: vectors agree, rows are whole.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { benchLoad, loadTable } from './load-stages.ts'
import { STAGES } from './lib/stages.ts'
import { distances } from './lib/texts.ts'
import { peersInstalled } from './peers/install.ts'
import { TEXT_PEERS, benchTexts, folderOf, textsTable } from './texts.ts'

const folder = await mkdtemp(join(tmpdir(), 'bench-texts-'))
afterAll(() => rm(folder, { recursive: true }))
const data = join(folder, 'texts.txt')
await writeFile(data, 'I loved it\nnot a good film, and far too long\nbright\nthe story was dull but short\n')

const options = {
  model: 'app/models/sentiment',
  data,
  texts: 4,
  variants: ['baseline'],
  batches: [1, 3],
  threads: [1],
  // the peer is not fetched for a test
  peers: peersInstalled() ? [...TEXT_PEERS] : [],
  rounds: 1,
  seed: 1,
  command: 'test',
  log: () => {},
}

it('times the whole pipeline, one text a call and several', async () => {
  const { rows } = await benchTexts(options)
  const engines = ['compact-kernels', ...options.peers]
  expect(rows.map(({ engine, batch }) => `${engine} ${batch}`)).toEqual(
    [1, 3].flatMap((batch) => engines.map((engine) => `${engine} ${batch}`)),
  )
  for (const { medianMs, distances: moved, engine } of rows) {
    expect(medianMs).toBeGreaterThan(0)
    if (engine !== 'compact-kernels') continue
    expect(moved!.f32.max).toBeLessThan(1e-6)
    // ragged batches: a text's vector does not depend on its neighbours
    expect(moved!.alone.max).toBeLessThan(1e-6)
  }
  expect(Object.keys(rows[0].partsMs!)).toEqual(['tokenize', 'pack', 'model', 'whole'])
  expect(textsTable(rows)).toContain('tokenize')
})

it('refuses what it cannot measure, and says what to do', async () => {
  await expect(benchTexts({ ...options, texts: 5 })).rejects.toThrow('has 4 texts, --texts asks for 5; ask for fewer')
  await expect(benchTexts({ ...options, peers: ['wrong'] })).rejects.toThrow(
    "no peer 'wrong'; there are transformers-js",
  )
})

it('names folders as transformers.js takes them', () => {
  expect(folderOf('/root', 'sp80x4+q8+e8')).toMatch(/^\/root\/[\w.-]+$/)
})

it('takes no vector that is not a number for near', () => {
  expect(distances(Float32Array.of(1, 0, 0, 2), Float32Array.of(2, 0, 1, 0), 2)).toEqual({ mean: 0.5, max: 1 })
  expect(() => distances(Float32Array.of(NaN, 1), Float32Array.of(1, 1), 1)).toThrow('cosine of text 0 is no number')
})

it('times both in Chromium, with the same vectors', async () => {
  const { rows } = await benchTexts({ ...options, batches: [3], hosts: ['chromium'] })
  expect(rows.map(({ engine, host }) => `${engine} ${host}`)).toEqual(
    ['compact-kernels', ...options.peers].map((engine) => `${engine} chromium`),
  )
  // the peer rounds activations to int8 with one scale for a whole call
  for (const { engine, distances: moved } of rows)
    expect(moved!.f32.max, engine).toBeLessThan(engine === 'compact-kernels' ? 1e-5 : 0.05)
}, 120_000)

it('times every stage of a start in a new process, and in a new page', async () => {
  const given = { folder: options.model, threads: 2, rounds: 1, peers: options.peers, log: () => {} }
  const rows = await benchLoad({ ...given, hosts: ['node', 'chromium'] })
  for (const host of ['node', 'chromium']) {
    const ours = rows.filter((row) => row.engine === 'compact-kernels' && row.host === host)
    expect(ours.map(({ stage }) => stage)).toEqual([...STAGES, 'whole'])
  }
  for (const { engine, host, stage, minMs } of rows) expect(minMs, `${engine} ${host} ${stage}`).toBeGreaterThan(0)
  expect(loadTable(rows)).toContain('self-test')
  await expect(benchLoad({ ...given, folder, hosts: ['node'] })).rejects.toThrow('give the folder of a model')
}, 120_000)
