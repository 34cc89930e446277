// What is done with a recording by its buttons: bodies decoded and as sent, large ones loaded, lists sorted and cleared,
// certificates accepted, hosts let through, devices let in.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { open, row, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ coding, large, sorts, clear, accept, pass, device })

async function body(page, path) {
  await row(page, path).waitFor()
  await open(page, path)
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body').waitFor()
}

/** A coded body is shown and taken away either way. */
async function coding(page) {
  await body(page, '/packed')
  const text = page.getByTestId('body-text')
  await text.getByText('good day').waitFor()
  const download = async () => {
    const taken = page.waitForEvent('download')
    await page.getByTestId('body-download').click()
    return [...(await readFile(await (await taken).path()))]
  }
  const seen = { decoded: String.fromCharCode(...(await download())) }
  await page.getByTestId('body-coding-sent').click()
  await page.getByTestId('body-hex').waitFor()
  await text.waitFor({ state: 'detached' })
  seen.sent = await download()
  await page.getByTestId('body-coding-decoded').click()
  await text.getByText('good day').waitFor()
  return seen
}

/** More of a large body when it is asked for, then all: what stands at its end is found. */
async function large(page) {
  await body(page, '/large')
  const rest = page.getByTestId('body-rest')
  await rest.getByText('The first 262 kB of').waitFor()
  const count = () => page.getByTestId('body-text').evaluate((text) => Number(text.dataset.lines))
  const lines = [await count()]
  await page.getByTestId('body-more').click()
  await rest.getByText('The first 1.0 MB of').waitFor()
  lines.push(await count())
  await page.getByTestId('body-all').click()
  await rest.waitFor({ state: 'detached' })
  lines.push(await count())
  await page.getByTestId('body-search').fill('the very end')
  await page.getByTestId('body-search-count').getByText('1 of 1').waitFor()
  await page.getByTestId('body-text').locator('mark').getByText('the very end').waitFor()
  await page.getByTestId('body-search').fill('')
  return { lines }
}

/** The numbers of the rows, sorted by status and by duration, both ways. */
async function sorts(page) {
  const seen = {}
  // beside the detail there is no room for every column
  await page.getByTestId('detail-close').click()
  for (const key of ['status', 'duration']) {
    for (let n = 0; n < 2; n++) {
      const before = await page.locator(`[role=columnheader][data-col=${key}]`).getAttribute('aria-sort')
      await page.getByTestId(`sort-${key}`).click()
      const head = page.locator(`[role=columnheader][data-col=${key}]:not([aria-sort=none]):not([aria-sort=${before}])`)
      await head.waitFor()
      seen[`${key} ${await head.getAttribute('aria-sort')}`] = await page
        .getByTestId('flow-row')
        .evaluateAll((all) => all.map((one) => [Number(one.style.transform.match(/\d+/)?.[0] ?? 0), Number(one.dataset.id)]).sort((a, b) => a[0] - b[0]).map(([, id]) => id))
    }
  }
  await page.getByTestId('sort-id').click()
  return seen
}

/** Everything is cleared after a question, and comes back. */
async function clear(page) {
  const before = await page.getByTestId('flow-count').innerText()
  await page.getByTestId('clear-open').click()
  await page.getByTestId('clear-dialog').getByText('will be deleted').waitFor()
  await page.getByTestId('clear-confirm').click()
  await page.getByTestId('empty').waitFor()
  const cleared = await page.getByTestId('flow-count').innerText()
  await page.getByTestId('undo').click()
  await page.getByTestId('flow-count').getByText(before, { exact: true }).waitFor()
  return { before, cleared }
}

/** A certificate is accepted where its failure is read; the next request goes through. */
async function accept(page, { curl, untrusting }) {
  await run('curl', [...curl, '--insecure', `${untrusting}/refused`]).catch(() => {})
  await row(page, '/refused').waitFor()
  await open(page, '/refused')
  const story = await page.getByTestId('story').innerText()
  const advice = await page.getByTestId('failure').innerText()
  await page.getByTestId('accept-certificate').click()
  await page.getByTestId('failure').getByText('From now on').waitFor()
  const { stdout } = await run('curl', [...curl, '--insecure', `${untrusting}/accepted`])
  await row(page, '/accepted').and(page.locator('[data-state=complete]')).waitFor()
  return { story, advice, answer: stdout }
}

/** An app that pins: its host passes through where its failure is read, and comes back where it passed. */
async function pass(page, { pinning, trusting }) {
  for (let n = 0; n < 3; n++) await run(pinning[0], pinning.slice(1)).catch(() => {})
  const failed = page.locator('[data-testid=flow-row][data-state=failed]')
  await failed.nth(2).waitFor()
  const texts = []
  for (let n = 0; n < 3; n++) {
    await failed.nth(n).click()
    texts.push(await page.getByTestId('failure').locator('.text').innerText())
  }
  await page.getByTestId('pass-host').click()
  await page.getByTestId('intercept-host').waitFor()
  const { stdout } = await run(pinning[0], pinning.slice(1))
  const passed = page.locator('[data-testid=flow-row][data-state=complete]').first()
  await passed.click()
  await page.getByTestId('story').getByText('passed on without being opened').waitFor()
  const story = await page.getByTestId('story').innerText()
  await page.getByTestId('intercept-host').click()
  await page.getByTestId('pass-through').getByText('intercepted').waitFor()
  const read = await run(trusting[0], trusting.slice(1))
  return { texts, answer: stdout, story, read: read.stdout }
}

/** A device asks and is allowed by the button; the code that the next one scans is drawn. */
async function device(page, { address, again }) {
  const banner = page.locator(`[data-testid=device-banner][data-address="${address}"]`)
  const asked = run(again[0], again.slice(1)).catch(() => null)
  await banner.waitFor()
  await banner.getByTestId('device-allow').click()
  await banner.waitFor({ state: 'detached' })
  // either it has waited for the answer, or it was told to come again
  await asked
  const { stdout } = await run(again[0], again.slice(1))
  await row(page, '/hello.txt').and(page.locator('[data-state=complete]')).first().waitFor()
  await page.getByTestId('connect-open').click()
  await page.getByTestId('help-phone').click()
  const code = page.getByTestId('connect-qr')
  await code.waitFor()
  await page.waitForFunction((image) => image.naturalWidth > 0, await code.elementHandle())
  return { answer: stdout, code: await code.getAttribute('alt') }
}
