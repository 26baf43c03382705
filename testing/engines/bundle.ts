// The checks and the sweep in one file, for a page or for Node, Bun and Deno: lazy parts as well, test-runner.ts for vitest.

import { build, type BuildOptions } from 'esbuild'
import { builtinModules } from 'node:module'
import { join } from 'node:path'

const FOLDER = import.meta.dirname

/** For a page: files of Node are empty. */
export async function pageBundle(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    ...common('page.ts'),
    platform: 'browser',
    target: 'es2022',
    external: ['node:*', 'webgpu', ...builtinModules],
    outfile: 'page.js',
    write: false,
    // devices.ts asks for V8's flags
    define: { 'process.execArgv': '[]' },
    plugins: [
      {
        name: 'files of Node',
        setup: ({ onLoad }) => onLoad({ filter: /\.node\.ts$/ }, () => ({ contents: 'export {}', loader: 'js' })),
      },
    ],
  })
  return outputFiles[0].contents
}

/** For what runs without a page; it finds packages from where it lies. */
export async function runtimeBundle(outfile: string): Promise<void> {
  await build({ ...common('run.ts'), platform: 'node', target: 'es2023', packages: 'external', outfile })
}

const common = (entry: string) =>
  ({
    entryPoints: [join(FOLDER, entry)],
    bundle: true,
    format: 'esm',
    logLevel: 'silent',
    // package.json says that most files have no side effects; those of tests are what is wanted
    ignoreAnnotations: true,
    alias: { vitest: join(FOLDER, 'test-runner.ts') },
  }) satisfies BuildOptions
