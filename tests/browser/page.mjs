// Drives the program's own page as a person does, in steps; what each step saw goes back to the test.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DESKTOP, PHONE, open, row, rows, screenshots, steps } from './shared.mjs'

await steps({ list, live, filter, detail, replay, filtered, take, hostile, phone })

async function list(page) {
  await row(page, '/data.json').waitFor()
  return rows(page)
}

/** Rows come by themselves, complete, into the page that was loaded before their requests were made. */
async function live(page, { curl, origin }) {
  await page.evaluate(() => (globalThis.loaded = 'once'))
  for (let n = 0; n < 5; n++) {
    await promisify(execFile)('curl', [...curl, `${origin}/live?${n}`])
    await row(page, `/live?${n}`).and(page.locator('[data-state=complete]')).waitFor()
  }
  const shown = (await rows(page)).filter((path) => path.startsWith('/live'))
  return { shown, loaded: await page.evaluate(() => globalThis.loaded ?? 'again') }
}

async function filter(page) {
  const box = page.getByTestId('filter')
  await box.fill('path:/data.json')
  await row(page, '/edit').waitFor({ state: 'detached' })
  const narrowed = await rows(page)
  await box.fill('status:nonsense')
  const wrong = await page.getByTestId('filter-error').innerText()
  await box.fill('')
  await row(page, '/edit').waitFor()
  return { narrowed, wrong, after: await page.getByTestId('filter-error').count() }
}

async function detail(page) {
  await open(page, '/data.json')
  const story = await page.getByTestId('story').innerText()
  await page.getByTestId('tab-request').click()
  await page.getByTestId('head-as-sent').click()
  const head = page.getByTestId('heads-request')
  await head.locator('dl > div').first().waitFor()
  const fields = await head
    .locator('dl > div')
    .evaluateAll((lines) => lines.map((line) => [...line.children].map((part) => part.innerText)))
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body-text').getByText('good day').waitFor()
  const json = await page.getByTestId('body-view-json').getAttribute('aria-checked')
  const response = await page.getByTestId('body-text').innerText()
  await page.getByTestId('body-side-request').click()
  await page.getByTestId('body-text').getByText('asked').waitFor()
  const request = await page.getByTestId('body-text').innerText()
  await page.getByTestId('tab-overview').click()
  await screenshots(page, DESKTOP, 'detail')
  await page.getByTestId('detail-close').click()
  return { story, fields, json, response, request }
}

async function replay(page, { origin }) {
  await open(page, '/edit')
  await page.getByTestId('replay-open').click()
  await page.getByTestId('replay-method').fill('PUT')
  await page.getByTestId('replay-url').fill(`${origin}/sent-again?x=1`)
  const names = page.getByTestId('replay-header-name')
  const values = page.getByTestId('replay-header-value')
  const all = await names.evaluateAll((inputs) => inputs.map((input) => input.value))
  await values.nth(all.indexOf('X-Keep')).fill('changed')
  await page.getByTestId('replay-header-add').click()
  await names.last().fill('x-ADDED')
  await values.last().fill('by hand')
  await page.getByTestId('replay-body').fill('after')
  await page.getByTestId('replay-send').click()
  const result = page.getByTestId('replay-result')
  await result.and(page.locator('[data-state=complete]')).waitFor()
  await page.getByTestId('replay-body-diff').getByText('PUT /sent-again').waitFor()
  const boxes = await Promise.all(['replay-old', 'replay-new'].map((id) => page.getByTestId(id).boundingBox()))
  const seen = {
    id: Number(await result.getAttribute('data-id')),
    old: await page.getByTestId('replay-old').innerText(),
    fresh: await page.getByTestId('replay-new').innerText(),
    beside: boxes[0].y === boxes[1].y && boxes[0].x + boxes[0].width <= boxes[1].x,
    bodies: await page.getByTestId('replay-body-diff').innerText(),
  }
  await screenshots(page, DESKTOP, 'replay')
  await page.getByTestId('replay-back').click()
  await page.getByTestId('detail-close').click()
  return seen
}

/** What the filter leaves is exported, whatever is selected. */
async function filtered(page, { file }) {
  await row(page, '/edit').click()
  await page.getByTestId('filter').fill('path:/data.json or path:/stays')
  await row(page, '/edit').waitFor({ state: 'detached' })
  await page.getByTestId('export-open').click()
  await page.getByTestId('export-all').check()
  await page.getByTestId('export-format').selectOption('har')
  const download = page.waitForEvent('download')
  await page.getByTestId('export-download').click()
  await (await download).saveAs(`${file}.har`)
  await page.getByTestId('export').waitFor({ state: 'detached' })
  await page.getByTestId('filter').fill('')
  await row(page, '/edit').waitFor()
}

/** Two flows are exported, then deleted. */
async function take(page, { file }) {
  await row(page, '/data.json').click()
  await row(page, '/edit').click({ modifiers: ['Control'] })
  await page.getByTestId('export-open').click()
  await page.getByTestId('export-selection').check()
  await page.getByTestId('export-format').selectOption('pcapng')
  const download = page.waitForEvent('download')
  await page.getByTestId('export-download').click()
  await (await download).saveAs(file)
  await page.getByTestId('export').waitFor({ state: 'detached' })
  await page.getByTestId('delete-open').click()
  await page.getByTestId('delete-selected').click()
  await row(page, '/data.json').waitFor({ state: 'detached' })
  await row(page, '/edit').waitFor({ state: 'detached' })
  await page.getByTestId('detail').waitFor({ state: 'detached' })
  return { name: (await download).suggestedFilename(), left: await rows(page) }
}

/** Everywhere recorded text is shown. */
async function hostile(page, { origin }) {
  await open(page, '/hostile')
  await page.getByTestId('tab-request').click()
  const request = await page.getByTestId('head-request').innerText()
  await page.getByTestId('tab-response').click()
  const response = await page.getByTestId('head-response').innerText()
  await page.getByTestId('tab-body').click()
  const body = page.getByTestId('body-text')
  await body.getByText('owned').first().waitFor()
  const shown = (await body.innerText()).replaceAll('\n', '') // without the line breaks of the view
  await page.getByTestId('body-view-hex').click()
  await page.getByTestId('body-hex').waitFor()
  await page.getByTestId('body-side-request').click()
  await page.getByTestId('body-view-source').click() // the view that was chosen stays
  await page.getByTestId('body-text').getByText('owned').first().waitFor()
  await page.getByTestId('replay-open').click()
  await page.getByTestId('replay-url').fill(`${origin}/hostile`)
  await page.getByTestId('replay-send').click()
  await page.getByTestId('replay-result').and(page.locator('[data-state=complete]')).waitFor()
  await page.getByTestId('replay-body-diff').getByText('byte for byte').waitFor()
  await page.getByTestId('replay-back').click()
  await page.getByTestId('detail-close').click()
  // what had begun to load is asked for before the next two pictures are drawn
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  return { request, response, body: shown }
}

async function phone(page) {
  await page.setViewportSize(PHONE)
  const one = row(page, '/live?0')
  await one.waitFor()
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'list')
  await one.click()
  await page.getByTestId('detail-back').waitFor()
  await page.getByTestId('story').waitFor()
  const hidden = await one.isHidden()
  await screenshots(page, PHONE, 'detail')
  await page.getByTestId('detail-back').click()
  await page.getByTestId('detail').waitFor({ state: 'detached' })
  const back = await one.isVisible()
  await page.setViewportSize(DESKTOP)
  await screenshots(page, DESKTOP, 'list')
  return { wide, hidden, back }
}
