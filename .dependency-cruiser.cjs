// The borders of the house, types included: npm run check:static runs them (npx depcruise kernels ts testing bench app).
// Imports run one way:  app, bench, examples, testing -> ts -> kernels -> generated wasm and shader text
// ARCHITECTURE.md says why each folder is where it is.

/** Layers, top first. A folder imports from those of later lines alone, and not from another of its own line. */
const TS = [
  ['cli'],
  ['study'],
  ['report', 'budget', 'distil'],
  ['train'],
  ['evaluation'],
  ['data'],
  ['transformers', 'worker'],
  ['pipeline'],
  ['inference'],
  ['recipe'],
  ['compress', 'onnx'],
  ['model'],
  ['families'],
  ['text'],
  ['io'],
]
const OPERATIONS = [
  'dense-matmul',
  'int8-matmul',
  'sparse-matmul',
  'low-rank-linear',
  'embedding',
  'row-ops',
  'attention',
]

const folders = (names, root) => `^${root}/(${names.join('|')})/`
const rule = (name, from, to, comment, except = undefined) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from, pathNot: ['\\.test\\.ts$', ...(except ? [except] : [])] },
  to: { path: to },
})

const layers = TS.flatMap((line, at) => {
  const above = TS.slice(0, at).flat()
  return line.map((folder) => {
    const closed = [...above, ...line.filter((other) => other !== folder)]
    return rule(
      `ts/${folder}`,
      `^ts/${folder}/`,
      `^ts/(${[...closed.map((name) => `${name}/`), '[^/]+$'].join('|')})`,
      `ts/${folder} may import from ${
        TS.slice(at + 1)
          .flat()
          .join(', ') || 'kernels'
      } and kernels alone`,
    )
  })
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true, path: '^[.]' } },
    ...layers,
    rule(
      'ts-is-below',
      '^ts/',
      '^(bench|app|examples|testing|kernels/testing|scripts)/',
      'ts is below bench, app and tests',
    ),
    rule('kernels-are-below', '^kernels/', '^(ts|bench|app|examples|testing|scripts)/', 'kernels know nothing of ts'),
    rule(
      'program',
      '^kernels/program/',
      '^kernels/(?!program/|generated/)',
      'kernels/program is below every operation and backend',
    ),
    rule('kernels-not-of-tests', '^kernels/(?!testing/)', '^kernels/testing/', 'test code is imported by tests alone'),
    rule(
      'wasm-machinery',
      '^kernels/webgpu/',
      '^kernels/wasm/',
      'the two backends share kernels/program and the operations alone',
    ),
    rule(
      'webgpu-machinery',
      '^kernels/wasm/',
      '^kernels/webgpu/',
      'the two backends share kernels/program and the operations alone',
    ),
    ...OPERATIONS.map((operation) =>
      rule(
        `kernels/${operation}`,
        `^kernels/${operation}/`,
        folders([...OPERATIONS.filter((other) => other !== operation && other !== 'dense-matmul'), 'train'], 'kernels'),
        'operations do not import one another (dense-matmul, whose epilogue all linear layers share, and float64 references excepted)',
        '/reference\\.ts$',
      ),
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(node_modules|dist|build|results)/' },
  },
}
