// Offline in the page: recorded answers stand in for servers, it cannot be missed, and each flow says what answered it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { audit, DESKTOP, open, PHONE, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ begin, shown, changed, ended, again })

async function curl(input, path) {
  return (await run('curl', [...input.curl, '-w', '|%{http_code}', `${input.origin}${path}`])).stdout
}

/** Switched on from the status bar, out of a session and by a filter that is wrong first. */
async function begin(page, input) {
  const before = await page.getByTestId('status-offline').innerText()
  await page.getByTestId('status-offline').click()
  const dialog = page.getByTestId('offline-dialog')
  await dialog.waitFor()
  await page.getByTestId('offline-filter').fill('hots:x')
  const wrong = await page.getByTestId('offline-filter-problem').innerText()
  const refused = await page.getByTestId('offline-begin').isDisabled()
  await page.getByTestId('offline-filter').fill('path:/data')
  const session = page.getByTestId('offline-session')
  await session.locator('option').nth(1).waitFor({ state: 'attached' })
  await session.selectOption({ index: 1 })
  await page.locator('[data-testid=offline-found][data-count="2"]').waitFor()
  await dialog.locator('summary').click()
  await page.getByTestId('offline-query').fill('t')
  const broken = { dialog: await audit(page, '[data-testid=offline-dialog]') }
  await screenshots(page, DESKTOP, 'offline-dialog')
  await page.setViewportSize(PHONE)
  await screenshots(page, PHONE, 'offline-dialog')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('offline-begin').click()
  await dialog.waitFor({ state: 'detached' })
  const banner = page.locator('[data-testid=offline-banner][data-flows="2"]')
  await banner.waitFor()
  const told = await banner.innerText()
  const status = await page.getByTestId('status-offline').innerText()
  const got = [await curl(input, '/data?t=1'), await curl(input, '/data?t=2'), await curl(input, '/data?t=3')]
  const missing = await curl(input, '/other')
  broken.banner = await audit(page)
  await screenshots(page, DESKTOP, 'offline')
  await page.setViewportSize(PHONE)
  await banner.waitFor()
  const pocket = await page.getByTestId('status-offline').isVisible()
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'offline')
  await page.setViewportSize(DESKTOP)
  return { before, wrong, refused, told, status, got, missing, pocket, wide, broken }
}

/** A flow that was answered: with which one, and why with that one. */
async function shown(page) {
  await page.getByTestId('filter').fill('rule:offline path:t=2')
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=flow-row]').length === 1)
  await open(page, '/data')
  const answered = await page.getByTestId('answered-with').innerText()
  const did = await page.getByTestId('rule-did').innerText()
  const story = await page.getByTestId('story').innerText()
  const broken = await audit(page, '[data-testid=detail]')
  await screenshots(page, DESKTOP, 'offline-flow')
  await page.getByTestId('answered-with').getByRole('button').first().click()
  await page.waitForFunction(() => document.querySelector('[data-testid=story]')?.textContent.includes('localhost answered'))
  const led = await page.getByTestId('story').innerText()
  await page.keyboard.press('Escape')
  await page.getByTestId('filter').fill('')
  return { answered, did, story, led, broken }
}

/** What is set stands in the dialog again; what was not recorded may go to its server. */
async function changed(page, input) {
  await page.getByTestId('offline-change').click()
  await page.getByTestId('offline-dialog').waitFor()
  const kept = [await page.getByTestId('offline-filter').inputValue(), await page.getByTestId('offline-query').inputValue(), await page.getByTestId('offline-session').inputValue() !== '']
  await page.getByTestId('offline-pass').check()
  await page.getByTestId('offline-begin').click()
  await page.getByTestId('offline-dialog').waitFor({ state: 'detached' })
  await page.getByTestId('offline-banner').getByText('goes to its server').waitFor()
  // from the first again
  return { kept, got: [await curl(input, '/data?t=4'), await curl(input, '/other')] }
}

/** Back online by the banner; and a page that is opened anew says how it is. */
async function ended(page, input) {
  await page.reload()
  await page.getByTestId('offline-banner').waitFor()
  await page.getByTestId('offline-end').click()
  await page.getByTestId('offline-banner').waitFor({ state: 'detached' })
  return { status: await page.getByTestId('status-offline').innerText(), got: await curl(input, '/data?t=5') }
}

/** Switched from elsewhere, the page says so; and the palette ends it. */
async function again(page, input) {
  await page.evaluate(() => fetch('/api/offline', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"on": true, "filter": "path:/nothing"}' }))
  await page.locator('[data-testid=offline-banner][data-flows="0"]').waitFor()
  const told = await page.getByTestId('offline-banner').innerText()
  const got = await curl(input, '/data?t=6')
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette-input').fill('online ask')
  await page.getByTestId('command-offline.end').click()
  await page.getByTestId('offline-banner').waitFor({ state: 'detached' })
  return { told, got }
}
