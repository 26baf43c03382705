// A copy of the working tree to which a test adds something, as CONTRIBUTING.md says, and a type checker over it. Imported
// by tests only.

import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '../..')

/** New files by path, and what changes in files that are there. */
export interface Addition {
  files: Record<string, string>
  /** `text` is put before the first place where `before` is found, or replaces `instead` */
  edits: readonly ({ file: string; text: string } & ({ before: string } | { instead: string }))[]
}

function edited(text: string, edit: Addition['edits'][number]): string {
  const anchor = 'before' in edit ? edit.before : edit.instead
  const at = text.indexOf(anchor)
  if (at < 0) throw new Error(`${edit.file} does not contain '${anchor}', where the test adds something`)
  const rest = text.slice('before' in edit ? at : at + anchor.length)
  return text.slice(0, at) + edit.text + rest
}

export class Tree {
  readonly folder = mkdtempSync(join(tmpdir(), 'extension-'))
  readonly #overlays = new Map<string, string | null>()
  #version = 0
  #service: ts.LanguageService | null = null

  /** Copies what git tracks or does not ignore, and the generated files; node_modules is a link. */
  constructor() {
    const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' })
    const files = listed.split('\0').filter((file) => /^(assembly|kernels|scripts|shaders|ts)\//.test(file))
    for (const file of [...files, 'kernels/generated', 'build/wasm', 'package.json', 'tsconfig.json', 'asconfig.json'])
      if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(this.folder, file), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'))
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  apply({ files, edits }: Addition): void {
    for (const [file, text] of Object.entries(files)) {
      if (existsSync(join(this.folder, file))) throw new Error(`${file} is there already`)
      this.#write(file, text)
    }
    for (const edit of edits) {
      this.#write(edit.file, edited(this.read(edit.file), edit))
    }
  }

  #write(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true })
    writeFileSync(join(this.folder, file), text)
    this.#version++
  }

  /** Runs a script or an expression of the copy with Node. @throws with its output where it fails */
  async node(...words: string[]): Promise<string> {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, words, { cwd: this.folder })
    return stdout + stderr
  }

  /** Runs `npm run generate` of the copy. */
  async generate(): Promise<void> {
    await this.node('scripts/generate.ts')
    this.#version++
  }

  /**
   * What the compiler says of the files, one line each; of all files where none are given. `overlays` are texts in place
   * of those of the copy (null: the file is not there).
   */
  errors(files?: readonly string[], overlays: Record<string, string | null> = {}): string[] {
    this.#overlays.clear()
    for (const [file, text] of Object.entries(overlays)) this.#overlays.set(join(this.folder, file), text)
    this.#version++
    this.#service ??= ts.createLanguageService(this.#host())
    const program = this.#service.getProgram()!
    const sources = files
      ? files.map((file) => program.getSourceFile(join(this.folder, file))!)
      : program.getSourceFiles()
    return sources
      .filter(({ fileName }) => fileName.startsWith(this.folder) && !fileName.includes('/node_modules/'))
      .flatMap((source) => [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)])
      .map(({ file, start, messageText }) => {
        const line = file!.getLineAndCharacterOfPosition(start!).line + 1
        return `${file!.fileName.slice(this.folder.length + 1)}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
      })
  }

  #host(): ts.LanguageServiceHost {
    const { options } = this.#config()
    const texts = new Map<string, { text: string; version: string }>()
    const versions = new Map<string, number>()
    const current = (file: string): string | undefined => {
      const overlay = this.#overlays.get(file)
      if (overlay !== undefined) return overlay ?? undefined
      // what is not the copy's does not change
      if (!file.startsWith(this.folder) || file.includes('/node_modules/'))
        return texts.get(file)?.text ?? ts.sys.readFile(file)
      return ts.sys.readFile(file)
    }
    const refresh = (file: string): { text: string; version: string } | undefined => {
      const text = current(file)
      if (text === undefined) return undefined
      const known = texts.get(file)
      if (known?.text === text) return known
      const version = (versions.get(file) ?? 0) + 1
      versions.set(file, version)
      const entry = { text, version: String(version) }
      texts.set(file, entry)
      return entry
    }
    return {
      getCompilationSettings: () => options,
      getCurrentDirectory: () => this.folder,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      getProjectVersion: () => String(this.#version),
      getScriptFileNames: () => this.#config().fileNames.filter((file) => this.#overlays.get(file) !== null),
      getScriptVersion: (file) => refresh(file)?.version ?? '0',
      getScriptSnapshot: (file) => {
        const entry = refresh(file)
        return entry && ts.ScriptSnapshot.fromString(entry.text)
      },
      fileExists: (file) => (this.#overlays.has(file) ? this.#overlays.get(file) !== null : ts.sys.fileExists(file)),
      readFile: (file) => current(file),
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
      readDirectory: ts.sys.readDirectory,
      ...(ts.sys.realpath && { realpath: ts.sys.realpath }),
    }
  }

  /** Of kernels and ts without tests, which is half of the time. */
  #config(): ts.ParsedCommandLine {
    const { config } = ts.readConfigFile(join(this.folder, 'tsconfig.json'), ts.sys.readFile) as { config: object }
    const exclude = ['**/*.test.ts', 'kernels/testing']
    return ts.parseJsonConfigFileContent(
      { ...config, include: ['kernels/**/*.ts', 'ts/**/*.ts'], exclude },
      ts.sys,
      this.folder,
    )
  }

  remove(): void {
    this.#service?.dispose()
    rmSync(this.folder, { recursive: true })
  }
}
