// A request of one's own: out of nothing, out of a curl command, many times, through redirections, in a WebSocket; and two sessions compared.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { audit, DESKTOP, eventually, open, PHONE, row, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)
const WIDE = { width: 1280, height: 800 }
const complete = (page, text) => row(page, text).and(page.locator('[data-state=complete]'))

await steps({ compose, pasted, many, talk, order, changes })

/** Both widths, light and dark: what is broken, and how wide it is on a phone. */
async function looks(page, name, part) {
  await page.setViewportSize(WIDE)
  await screenshots(page, WIDE, name)
  const broken = { desktop: await audit(page, part) }
  await page.setViewportSize(PHONE)
  await screenshots(page, PHONE, name)
  broken.phone = await audit(page, part)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await page.setViewportSize(DESKTOP)
  return { broken, wide }
}

/** Sends what is in the workbench, and waits for the end of its answer. */
async function sent(page) {
  const before = await page.getByTestId('replay-result').getAttribute('data-id')
  await page.getByTestId('replay-send').click()
  await page.locator(`[data-testid=replay-result][data-state=complete]:not([data-id="${before}"])`).waitFor()
}

/** Out of nothing, from the palette; followed where it is redirected. */
async function compose(page, { origin }) {
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette').waitFor()
  await page.keyboard.type('Compose')
  await page.keyboard.press('Enter')
  const bench = page.getByTestId('replay')
  await bench.waitFor()
  const empty = await looks(page, 'compose-empty', '[data-testid=replay]')
  await page.getByTestId('replay-url').fill(`${origin}/moved`)
  await page.getByTestId('replay-follow').check()
  await page.getByTestId('replay-send').click()
  const result = page.locator('[data-testid=replay-result][data-state=complete]')
  await result.waitFor()
  const note = await page.getByTestId('replay-note').innerText()
  const answer = await page.getByTestId('replay-answer').innerText()
  const seen = await looks(page, 'compose', '[data-testid=replay]')
  await page.getByTestId('replay-back').click()
  return { note, answer, ...seen, empty }
}

/** The curl line that this page copies is pasted into the URL, and sent; another one in the dialog, with what cannot be taken. */
async function pasted(page, { origin }) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  const lines = []
  for (const path of ['/text', '/bytes']) {
    await complete(page, path).first().waitFor()
    await row(page, path).first().click()
    await page.evaluate(() => navigator.clipboard.writeText(''))
    await page.keyboard.press('y')
    await eventually(page, async (path) => (await navigator.clipboard.readText()).includes(path), path)
    lines.push(await page.evaluate(() => navigator.clipboard.readText()))
    await page.getByTestId('detail-close').click()
    await page.getByTestId('compose-open').click()
    await page.getByTestId('replay-url').focus()
    await page.keyboard.press('Control+v')
    await page.waitForFunction((path) => document.querySelector('[data-testid=replay-url]').value.endsWith(path), path)
    await sent(page)
    await page.getByTestId('replay-back').click()
  }
  await page.getByTestId('compose-open').click()
  await page.getByTestId('replay-curl').click()
  await page.getByTestId('curl-text').fill('wget x')
  await page.getByTestId('curl-take').click()
  const wrong = await page.getByTestId('curl-error').innerText()
  const dialog = await looks(page, 'curl', '[data-testid=curl-dialog]')
  await page.getByTestId('curl-text').fill(`curl '${origin}/form' -sL --frob -F 'a=b c' -H 'X-Mine: 1'`)
  await page.getByTestId('curl-take').click()
  const notes = await page.getByTestId('curl-notes').innerText()
  const follow = await page.getByTestId('replay-follow').isChecked()
  await page.getByTestId('replay-follow').uncheck()
  const noted = await looks(page, 'curl-notes', '[data-testid=replay]')
  await sent(page)
  await page.getByTestId('replay-back').click()
  return { lines, wrong, notes, follow, broken: [...Object.values(dialog.broken), ...Object.values(noted.broken)].flat(), wide: [dialog.wide, noted.wide] }
}

/** Many times: it grows while it goes on, and is stopped; the second time it goes to its end. */
async function many(page, { origin }) {
  await complete(page, '/text').first().waitFor()
  await open(page, '/text')
  await page.getByTestId('replay-open').click()
  await page.getByTestId('replay-url').fill(`${origin}/hang`)
  await page.getByTestId('replay-times').fill('500')
  await page.getByTestId('replay-at-once').fill('5')
  await page.getByTestId('replay-send').click()
  const going = page.locator('[data-testid=run][data-state=running]')
  await going.waitFor()
  // the first twenty are answered, then nobody is
  await page.locator('[data-testid=run][data-done="20"]').waitFor()
  const live = await page.getByTestId('run-statuses').locator('tbody tr').first().innerText()
  await page.getByTestId('run-stop').click()
  await page.locator('[data-testid=run][data-state=stopped]').waitFor()
  await page.getByTestId('replay-url').fill(`${origin}/fast`)
  await page.getByTestId('replay-times').fill('100')
  await page.getByTestId('replay-send').click()
  await page.locator('[data-testid=run][data-state=done][data-done="100"]').waitFor()
  const table = await page.getByTestId('run-statuses').locator('tbody tr').allInnerTexts()
  const times = await page.getByTestId('run-times').innerText()
  const bars = await page.getByTestId('run-histogram').locator('.count').allInnerTexts()
  const seen = await looks(page, 'run', '[data-testid=replay]')
  await page.getByTestId('replay-times').fill('10001')
  await page.getByTestId('replay-send').click()
  const wrong = await page.getByTestId('replay-error').innerText()
  await page.getByTestId('run-flows').click()
  await page.getByTestId('flow-list').waitFor()
  const filter = await page.evaluate(() => location.hash)
  return { live, table, times, bars, wrong, filter, ...seen }
}

/** A WebSocket is opened again: what its client said is said, and what is typed here. */
async function talk(page) {
  const first = row(page, '/talk').first()
  await first.and(page.locator('[data-state=complete]')).waitFor()
  await open(page, '/talk')
  await page.getByTestId('replay-open').click()
  // the server closes when it has heard the last
  await page.getByTestId('replay-messages').fill('typed here\nand here\ngoodbye')
  await page.getByTestId('replay-listen').fill('60')
  await page.getByTestId('replay-send').click()
  await page.locator('[data-testid=replay-result][data-state=complete]').waitFor()
  const messages = page.getByTestId('replay-messages-of')
  await messages.getByText('and here').first().waitFor()
  const seen = await looks(page, 'talk', '[data-testid=replay]')
  const id = Number(await page.getByTestId('replay-result').getAttribute('data-id'))
  await page.getByTestId('replay-back').click()
  await page.getByTestId('detail-close').click()
  return { id, ...seen }
}

/** Three flows are chosen and sent again, the oldest first. */
async function order(page) {
  await complete(page, '/three').first().waitFor()
  await row(page, '/three').first().click()
  for (const path of ['/one', '/two']) await row(page, path).first().click({ modifiers: ['Control'] })
  await row(page, '/two').first().click({ button: 'right' })
  await page.getByTestId('menu-again').click()
  await page.locator('[data-testid=run][data-state=done]').waitFor()
  await page.getByTestId('run-results').getByText('/three').waitFor()
  const results = await page.getByTestId('run-results').locator('.where').allInnerTexts()
  const seen = await looks(page, 'order', '[data-testid=run-screen]')
  await page.getByTestId('run-screen-back').click()
  await page.getByTestId('run-screen').waitFor({ state: 'detached' })
  return { results, ...seen }
}

/** Two sessions: what changed, and from a row to the comparison of two flows. */
async function changes(page, { curl, origin, change }) {
  await page.getByTestId('sessions-open').click()
  await page.getByTestId('session-save-open').click()
  await page.getByTestId('session-name').fill('before')
  await page.getByTestId('session-save').click()
  await page.getByTestId('empty').waitFor()
  await run('curl', [...curl, change])
  for (const path of ['/status', '/item/2', '/fresh']) await run('curl', [...curl, `${origin}${path}`])
  await complete(page, '/fresh').waitFor()
  await page.getByTestId('sessions-open').click()
  await page.getByTestId('changes-open').click()
  const ready = page.locator('[data-testid=changes][data-ready]')
  await ready.waitFor()
  const told = async () => {
    await ready.waitFor()
    return page.getByTestId('change').evaluateAll((rows) => rows.map((row) => [row.querySelector('bdi.mono').textContent, row.dataset.changes]))
  }
  // what waits for a turn of the machine is not slower by this measure
  await page.getByTestId('changes-ms').fill('60000')
  await page.getByTestId('changes-compare').click()
  const all = await told()
  const seen = await looks(page, 'changes', '[data-testid=changes]')
  await page.getByTestId('changes-only-same').click()
  await page.locator('[data-testid=change][data-changes=same]').first().waitFor()
  const same = await told()
  await page.getByTestId('changes-only-all').click()
  await page.getByTestId('changes-filter-a').fill('path:/status')
  await page.getByTestId('changes-filter-b').fill('path:/status')
  await page.getByTestId('changes-compare').click()
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=change]').length === 1)
  const filtered = await told()
  await page.getByTestId('change').locator('button').click()
  await page.locator('[data-testid=compare][data-ready]').waitFor()
  const lines = await page.getByTestId('compare-response-line').innerText()
  await page.goBack()
  await ready.waitFor()
  return { all, same, filtered, lines, ...seen }
}
