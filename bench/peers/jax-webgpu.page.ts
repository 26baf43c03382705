// A whole BERT written for jax-js on its WebGPU backend, in a page: the weights of the folder that ours reads there,
// multiplied out to dense f32. One function, compiled by jit for each shape of input.

import { defaultDevice, init, jit, nn, numpy as np, type OwnedFunction } from '@jax-js/jax'
import { describeAdapter, findAdapter } from '../../kernels/webgpu/adapter.ts'
import { denseData } from '../../ts/compress/dense.ts'
import { loadModel } from '../../ts/model/load.ts'
import { linearLayers, type ModelWeights, type Norm } from '../../ts/model/weights.ts'
import type { Contender, ModelInput } from '../lib/contender.ts'
import { denseModel, transposed } from '../lib/exports.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

type Tree = Record<string, np.Array>
type Forward = OwnedFunction<(tree: Tree, ids: np.Array) => np.Array>

const array = (values: Float32Array, shape: number[]): np.Array =>
  np.array(values as Float32Array<ArrayBuffer>).reshape(shape)

/** Norms by the names under which their arrays are found. */
const normsOf = ({ layers, embeddings }: ModelWeights): [string, Norm][] => [
  ['embeddings', embeddings.norm],
  ...layers.flatMap(({ attentionNorm, outputNorm }, i): [string, Norm][] => [
    [`${i}.attentionNorm`, attentionNorm],
    [`${i}.outputNorm`, outputNorm],
  ]),
]

/** The name under which a layer's arrays are found. */
const nameOf = (layer: number | null, role: string): string => (layer === null ? role : `${layer}.${role}`)

function arraysOf(model: ModelWeights): Tree {
  const tree: Tree = {}
  for (const name of ['word', 'position', 'type'] as const) {
    const table = model.embeddings[name]
    if (table.kind !== 'f32') throw new Error(`jax-webgpu: the table '${name}' is ${table.kind}`)
    tree[name] = array(table.data, [table.rows, table.width])
  }
  for (const { layer, role, linear } of linearLayers(model)) {
    const { N, K } = linear.weight
    // W as [K, N], which jax-js multiplies without turning it at each run
    tree[`${nameOf(layer, role)}.weight`] = array(transposed(denseData(linear.weight), N, K), [K, N])
    tree[`${nameOf(layer, role)}.bias`] = array(linear.bias ?? new Float32Array(N), [N])
  }
  for (const [name, { gamma, beta }] of normsOf(model)) {
    tree[`${name}.gamma`] = array(gamma, [gamma.length])
    tree[`${name}.beta`] = array(beta, [beta.length])
  }
  return tree
}

/** Logits [B, labels] of ids [B, T]. Arrays are spent by each use: `.ref` keeps one for another. */
function forwardOf({ config, layers, pooler, embeddings }: ModelWeights): Forward {
  return jit((tree: Tree, ids: np.Array): np.Array => {
    const [B, T] = ids.shape
    const linear = (name: string, x: np.Array): np.Array =>
      np.matmul(x, tree[`${name}.weight`]).add(tree[`${name}.bias`])
    const layernorm = (name: string, x: np.Array): np.Array => {
      const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }))
      const variance = np.mean(np.square(centred.ref), -1, { keepdims: true })
      const normal = centred.div(np.sqrt(variance.add(config.layerNormEpsilon)))
      return normal.mul(tree[`${name}.gamma`]).add(tree[`${name}.beta`])
    }
    const C = embeddings.word.width
    const words = np.take(tree.word, ids.reshape([B * T]), 0).reshape([B, T, C])
    const places = tree.position.slice([0, T]).add(tree.type.slice(0))
    let x = layernorm('embeddings', words.add(places)).reshape([B * T, C])
    layers.forEach(({ heads, headSize }, i) => {
      const [query, key, value] = ['query', 'key', 'value'].map((role) =>
        linear(`${i}.${role}`, x.ref).reshape([B, T, heads, headSize]),
      )
      const context = nn.dotProductAttention(query, key, value).reshape([B * T, heads * headSize])
      const half = layernorm(`${i}.attentionNorm`, linear(`${i}.attentionOutput`, context).add(x))
      const wide = nn.gelu(linear(`${i}.intermediate`, half.ref), { approximate: false })
      x = layernorm(`${i}.outputNorm`, linear(`${i}.output`, wide).add(half))
    })
    const first = x.reshape([B, T, C]).slice([], 0)
    return linear('classifier', pooler ? np.tanh(linear('pooler', first)) : first)
  })
}

export function createContender(): Contender {
  let tree: Tree = {}
  let forward: Forward | null = null
  let input: ModelInput | null = null
  let logits = new Float32Array(0)
  let adapter = { name: '', software: false }
  return {
    async prepare({ folder, int8 }) {
      if (int8) throw new Error('jax-js has no int8 products')
      const found = await findAdapter('allow')
      adapter = { name: describeAdapter(found.adapter.info), software: found.software }
      const ready = await init('webgpu')
      if (!ready.includes('webgpu')) throw new Error(`jax-js opens no WebGPU device on ${adapter.name}`)
      defaultDevice('webgpu')
      const model = denseModel((await loadModel(folder)).weights)
      if (!model.classifier) throw new Error('jax-webgpu: the model has no classifier')
      tree = arraysOf(model)
      forward = forwardOf(model)
    },
    async feed(given) {
      input = given
    },
    async run() {
      const { ids, batch, tokens } = input!
      const leaves = Object.fromEntries(Object.entries(tree).map(([name, leaf]) => [name, leaf.ref]))
      const rows = np.array(ids as Int32Array<ArrayBuffer>, { dtype: np.int32 }).reshape([batch, tokens])
      logits = new Float32Array((await forward!(leaves, rows).data()) as Float32Array)
    },
    finish: async () => logits,
    async dispose() {
      for (const leaf of Object.values(tree)) leaf.dispose()
      forward?.dispose()
    },
    describe: () => ({
      engine: 'jax-webgpu',
      engineVersion: ENGINE_VERSION,
      device: 'gpu',
      adapter: adapter.name,
      software: adapter.software,
      threads: 1,
      notes: ['WebGPU backend, the whole model in one jit, dense f32, W stored [K, N], nn.dotProductAttention'],
    }),
  }
}
