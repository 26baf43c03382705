// Keeps the page for times without a network, and makes it cross-origin isolated where its server sends no headers: by a
// service worker (app/service-worker.ts), which is there in the built page alone.

let kept = false
let reason = ''

/** Whether everything is there without a network. */
export const isKept = (): boolean => kept
/** Why it cannot be; '' where it can, or where nothing was tried yet. */
export const whyNotKept = (): string => reason

/** @param changed is called when the page has been kept */
export async function keepPage(changed: () => void): Promise<void> {
  // a page under development changes too often to be kept
  if (!import.meta.env.PROD) return
  try {
    if (!('serviceWorker' in navigator))
      throw new Error('service workers are not there (is the page a secure context?)')
    await navigator.serviceWorker.register('./service-worker.js')
    await navigator.serviceWorker.ready
    kept = true
  } catch (error) {
    // a private window, a policy: the page works without, and says so
    reason = (error as Error).message
  }
  changed()
}
