// Lint with types, and the import direction of the house:
//   app, bench -> ts -> kernels -> (generated wasm and shader text); kernels/runtime is below the rooms; rooms stand alone.
import js from '@eslint/js'
import tseslint from 'typescript-eslint'

const ROOMS = ['dense-matmul', 'int8-matmul', 'sparse-matmul', 'low-rank-linear', 'embedding', 'row-ops', 'attention']

/** Forbids imports that match one of the patterns. */
const forbid = (files, regexes, message, ignores = []) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns: regexes.map((regex) => ({ regex, message })) }] },
})

const ABOVE_KERNELS = '(^|/)(ts|bench|app)/'
const ROOM_OR_PLAN = `^\\.\\./(\\.\\./)?(${ROOMS.join('|')}|plan|train|testing)/`

export default tseslint.config(
  {
    ignores: [
      'build/',
      'dist/',
      'node_modules/',
      'kernels/generated/',
      'assembly/',
      'bench/peers/node_modules/',
      'bench/results/',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Node runs these files as they are: no enums' },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    languageOptions: { globals: { module: 'readonly', process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  forbid(['kernels/**/*.ts'], [ABOVE_KERNELS], 'kernels know nothing of ts, bench or app'),
  forbid(['kernels/runtime/**/*.ts'], [ROOM_OR_PLAN, ABOVE_KERNELS], 'kernels/runtime is below the rooms', [
    '**/*.test.ts',
  ]),
  ...ROOMS.map((room) =>
    forbid(
      [`kernels/${room}/*.ts`],
      [
        `^\\.\\./(${ROOMS.filter((other) => other !== room && other !== 'dense-matmul').join('|')}|train)/`,
        ABOVE_KERNELS,
      ],
      'rooms do not import one another (dense-matmul excepted; a reference may build on another reference)',
      ['**/reference.ts', '**/*.test.ts'],
    ),
  ),
  forbid(['ts/**/*.ts'], ['(^|/)(bench|app)/', 'kernels/testing'], 'ts is below bench and app', [
    '**/*.test.ts',
    'ts/model/synthetic.ts',
  ]),
  forbid(
    ['ts/compress/**/*.ts'],
    ['(^|/)(bench|app|study|cli|pipeline|train)/', '/model/(?!weights|config)'],
    'compression meets the model in weights.ts and config.ts only',
    ['**/*.test.ts'],
  ),
)
