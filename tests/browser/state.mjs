// What is not well, and where the page says it.
import { execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { audit, DESKTOP, PATIENCE, PHONE, row, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ disk, queue, phone, figures })

/** Bytes that curl gets from an address through the proxy. */
async function size(curl, address) {
  const { stdout } = await run('curl', [...curl, '--output', '/dev/null', '--write-out', '%{size_download}', address])
  return Number(stdout)
}

/** Little room, none, and room again. */
async function disk(page, { curl, large, ballast, ballastSize }) {
  const warning = page.getByTestId('warning').getByText('nearly full')
  await warning.waitFor()
  const little = await warning.innerText()
  writeFileSync(ballast, Buffer.alloc(ballastSize, 1))
  const passed = await size(curl, large)
  await page.getByTestId('trouble').waitFor()
  const trouble = await page.getByTestId('trouble').innerText()
  // and it is not said that it records
  await page.getByTestId('recording').getByText('not recording').waitFor()
  await screenshots(page, DESKTOP, 'disk')
  const broken = await audit(page)
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'disk')
  await page.setViewportSize(DESKTOP)
  await rm(ballast)
  await page.getByTestId('trouble').waitFor({ state: 'detached' })
  await page.locator('[data-testid=recording]:not(.failing)').waitFor()
  // put aside, the warning does not come back with the next figures
  await page.locator('[role=status]').filter({ has: warning }).getByTestId('warning-aside').click()
  await warning.waitFor({ state: 'detached' })
  await size(curl, large)
  await row(page, '/large.bin').nth(1).and(page.locator('[data-state=complete]')).waitFor()
  const again = await warning.count()
  return { warning: little, trouble, passed, broken, wide, again }
}

/** The database is held by another program: what waits is said, and is over with it. */
async function queue(page, { curl, origin, python, holder }) {
  const other = spawn(python, ['-c', ...holder], { stdio: ['pipe', 'pipe', 'inherit'] })
  await new Promise((held) => other.stdout.once('data', held))
  const passed = size(curl, `${origin}/long`)
  const warning = page.getByTestId('warning').getByText('wait to be written')
  await warning.waitFor()
  const text = await warning.innerText()
  const broken = await audit(page)
  other.stdin.end()
  await warning.waitFor({ state: 'detached' })
  await row(page, '/long').and(page.locator('[data-state=complete]')).waitFor()
  return { warning: text, passed: await passed, broken }
}

/** A device that refuses our certificate is named on the empty page, until it trusts, and when it refuses again. */
async function phone(page, { address, again, refusing }) {
  await page.getByTestId('empty').waitFor()
  const one = page.locator(`[data-testid=seen-device][data-address="${address}"]`)
  await one.getByText('does not trust').waitFor()
  const before = await one.innerText()
  await screenshots(page, DESKTOP, 'untrusted')
  const broken = { desktop: await audit(page) }
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'untrusted')
  broken.phone = await audit(page)
  await page.setViewportSize(DESKTOP)
  await run(again[0], again.slice(1))
  await row(page, '/hello.txt').waitFor()
  await page.getByTestId('connect-open').click()
  await one.getByText('and trusts').waitFor()
  const after = await one.innerText()
  // what it trusted is removed from it: it fails, as it should
  await run(refusing[0], refusing.slice(1)).catch(() => {})
  await one.getByText('now refuses').waitFor()
  const removed = await one.innerText()
  await screenshots(page, DESKTOP, 'removed')
  await page.setViewportSize(PHONE)
  await screenshots(page, PHONE, 'removed')
  await page.setViewportSize(DESKTOP)
  await page.keyboard.press('Escape')
  await page.getByTestId('status-devices').click()
  const listed = await page.locator(`[data-testid=device][data-address="${address}"]`).innerText()
  await screenshots(page, DESKTOP, 'device')
  await page.setViewportSize(PHONE)
  await screenshots(page, PHONE, 'device')
  await page.setViewportSize(DESKTOP)
  return { before, after, removed, listed, broken, wide }
}

/** As the page writes it. */
function words(n) {
  if (n < 1000) return `${n} B`
  for (const unit of ['kB', 'MB', 'GB']) {
    n /= 1000
    if (n < 999.5 || unit === 'GB') return `${n < 9.95 ? n.toFixed(1) : Math.round(n)} ${unit}`
  }
}

/** Every figure at the bottom, until it is what the API says: in silence, and while traffic runs. */
async function figures(page, { curl, origin }) {
  const bar = page.getByTestId('status-bar')
  const agrees = async (id, of) => {
    // what is shown is a moment older than what is asked for
    const said = new Set()
    for (const begun = performance.now(); ; ) {
      const status = await page.evaluate(async () => (await fetch('/api/status')).json())
      const wanted = of(status)
      said.add(wanted)
      const shown = await page.getByTestId(id).innerText()
      if (said.has(shown)) return shown
      if (performance.now() - begun > PATIENCE) throw new Error(`${id}: ${shown}, not ${wanted}`)
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)))
    }
  }
  const rate = (n) => `${n < 9.95 ? n.toFixed(1) : Math.round(n)} flows/s`
  const seen = { quiet: {} }
  seen.quiet.rate = await agrees('flow-rate', ({ flows_per_second: n }) => (n > 0 ? 'not yet' : '0 flows/s'))
  seen.quiet.queued = await agrees('queued', ({ queued_bytes: n }) => `${words(n)} queued`)
  seen.quiet.disk = await agrees('disk', ({ disk_bytes: used, disk_free: free }) => `${words(used)} on disk, ${words(free)} free`)
  seen.quiet.listens = await agrees('listens', ({ proxy }) => `proxy ${proxy[0]}`)
  seen.quiet.lan = await agrees('lan', ({ lan }) => `LAN ${lan[0]}${lan.length > 1 ? ` +${lan.length - 1}` : ''}`)
  seen.quiet.devices = await page.getByTestId('status-devices').innerText()
  seen.quiet.flows = await page.getByTestId('flow-count').innerText()
  // it goes on until it was seen, however long that takes
  let [sent, over] = [0, false]
  const traffic = (async () => {
    for (; !over && sent < 300; sent += 10) await run('curl', [...curl, '--output', '/dev/null', '--rate', '20/s', `${origin}/many/[${sent + 1}-${sent + 10}]`])
    if (sent < 300) await run('curl', [...curl, '--output', '/dev/null', `${origin}/many/[${sent + 1}-300]`])
  })()
  traffic.catch(() => {}) // it fails where it is awaited
  seen.busy = await agrees('flow-rate', ({ flows_per_second: n }) => (n > 1 ? rate(n) : 'more'))
  over = true
  await traffic
  await page.getByTestId('flow-count').getByText('302 flows').waitFor()
  await screenshots(page, DESKTOP, 'figures')
  seen.text = await bar.innerText()
  return seen
}
