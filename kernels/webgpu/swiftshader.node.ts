// SwiftShader, a Vulkan driver that runs on the CPU, from the npm package @sparticuz/chromium (Linux x64).

import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'

export interface SwiftShader {
  /** path of the Vulkan loader */
  loader: string
  /** path of the driver's manifest, for VK_ICD_FILENAMES */
  icd: string
}

const PACKAGE = '@sparticuz/chromium'
const LOADER = 'libvulkan.so.1'
const MANIFEST = 'vk_swiftshader_icd.json'

/**
 * Unpacks the driver into a folder of this user and version under the system's temporary folder, once; several
 * processes may do so at the same time. Throws where the package is missing.
 */
export async function extractSwiftShader(): Promise<SwiftShader> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`${PACKAGE} has it for Linux x64 only, this is ${process.platform} ${process.arch}`)
  const archive = await findArchive()
  const { size, mtimeMs } = await stat(archive)
  const folder = join(tmpdir(), `compact-kernels-swiftshader-${userInfo().uid}-${size}-${Math.floor(mtimeMs)}`)
  const driver = { loader: join(folder, LOADER), icd: join(folder, MANIFEST) }
  if (await exists(driver.icd)) return driver
  const part = await mkdtemp(`${folder}.part-`)
  try {
    const tar = await promisify(brotliDecompress)(await readFile(archive))
    for (const file of readTar(tar)) {
      const path = join(part, file.name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, file.content, { mode: 0o755 })
    }
    // fails where another process was first: its folder is as good
    await rename(part, folder).catch(async (error: unknown) => {
      if (!(await exists(driver.icd))) throw error
    })
  } finally {
    await rm(part, { recursive: true, force: true })
  }
  if (!(await exists(driver.loader)) || !(await exists(driver.icd)))
    throw new Error(`${archive} holds no ${LOADER} and ${MANIFEST}`)
  return driver
}

async function findArchive(): Promise<string> {
  let folder: string
  try {
    folder = dirname(createRequire(import.meta.url).resolve(PACKAGE))
  } catch {
    throw new Error(`the package ${PACKAGE} is not installed: npm install ${PACKAGE}`)
  }
  for (let up = 0; up < 4; up++, folder = dirname(folder)) {
    const archive = join(folder, 'bin', 'swiftshader.tar.br')
    if (await exists(archive)) return archive
  }
  throw new Error(`the package ${PACKAGE} holds no bin/swiftshader.tar.br`)
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Plain files of a ustar archive; headers are blocks of 512 bytes, contents are padded to 512. */
function* readTar(tar: Uint8Array): Generator<{ name: string; content: Uint8Array }> {
  const text = (at: number, length: number): string => {
    const field = tar.subarray(at, at + length)
    const end = field.indexOf(0)
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
  }
  for (let at = 0; at + 512 <= tar.length;) {
    const name = text(at, 100)
    if (name === '') return
    const length = parseInt(text(at + 124, 12), 8)
    const type = text(at + 156, 1)
    if ((type === '' || type === '0') && !name.includes('..'))
      yield { name, content: tar.subarray(at + 512, at + 512 + length) }
    at += 512 + Math.ceil(length / 512) * 512
  }
}
