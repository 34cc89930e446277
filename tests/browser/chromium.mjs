// Starts the machine's Chromium, headless and quiet, for the scripts beside this file.
import { createHash, X509Certificate } from 'node:crypto'
import { chromium } from 'playwright-core'

/**
 * @param {{ proxy?: string, root?: string }} options `proxy` sends everything through it, loopback too;
 * `root` is the certificate to trust where the browser's own store cannot be filled (not on Linux).
 */
export async function launch({ proxy, root } = {}) {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ]
  if (proxy) args.push(`--proxy-server=${proxy}`, '--proxy-bypass-list=<-loopback>')
  if (root && process.platform !== 'linux') {
    const key = new X509Certificate(root).publicKey.export({ type: 'spki', format: 'der' })
    const hash = createHash('sha256').update(key).digest('base64')
    args.push(`--ignore-certificate-errors-spki-list=${hash}`)
  }
  return chromium.launch({ executablePath: process.env.BROWSER, args, timeout: 120_000 })
}

/** Reads the script's one argument, runs it, prints its one result; a failure ends with status 1. */
export async function main(run) {
  try {
    const result = await run(JSON.parse(process.argv[2] ?? '{}'))
    console.log(JSON.stringify(result))
    process.exit(0)
  } catch (error) {
    console.error(error.stack ?? error)
    process.exit(1)
  }
}
