// CPU time of a process with all that descend from it: a browser is a dozen processes.

import { readFileSync, readdirSync } from 'node:fs'

/** Text of a file of /proc; '' where its process or thread has just ended. */
function procFile(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(`/proc/${path}`).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** Milliseconds of CPU time of every thread alive in the tree under `root`; null where the system does not tell (no Linux). */
export function treeCpuMs(root: number): number | null {
  const children = new Map<string, string[]>()
  for (const pid of entries('.')) {
    // "pid (name) state ppid …", and a name may hold anything
    const stat = procFile(`${pid}/stat`)
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  let nanoseconds = 0
  let told = false
  const waiting = [String(root)]
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    waiting.push(...(children.get(pid) ?? []))
    for (const thread of entries(`${pid}/task`)) {
      const time = procFile(`${pid}/task/${thread}/schedstat`).split(' ')[0]
      if (time === '') continue
      nanoseconds += Number(time)
      told = true
    }
  }
  return told ? nanoseconds / 1e6 : null
}
