// Starts the contenders of `bench texts` and `bench load`, each in a process or a page.

import { WIDE_FLAG } from '../../kernels/wasm/wide-flag.ts'
import { nodeChannel, type Channel } from '../lib/channel.ts'
import { TEXT_PAGES, chromiumChannel } from '../lib/chromium.ts'
import type { Host, TextsTask } from '../lib/contender.ts'
import { servedFolder } from '../lib/served-folder.ts'

/** @param contender as CONTENDERS and TEXT_PAGES name it; the task comes back as the contender's place names the files */
export async function startTexts(
  contender: string,
  host: Host,
  task: TextsTask,
): Promise<{ channel: Channel; task: TextsTask }> {
  if (host === 'node') return { channel: nodeChannel(contender.endsWith('-wide') ? [WIDE_FLAG] : []), task }
  const files = await servedFolder(task.folder)
  const channel = await chromiumChannel(TEXT_PAGES[contender], files, host === 'chromium')
  return { channel, task: { folder: './own', threads: host === 'chromium' ? task.threads : 1 } }
}
