// One flow looked into: what happened, its heads, its events, its TLS.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { audit, DESKTOP, open, PHONE, row, screenshots, steps } from './shared.mjs'

await steps({ explained, jump, heads, huge, events, messages, imported, tls, steps: waterfall })

function inner(page, id) {
  return page.getByTestId(id).first().innerText()
}

async function tab(page, name) {
  await page.getByTestId(`tab-${name}`).click()
}

async function explained(page) {
  await row(page, '/explained').waitFor()
  await open(page, '/explained')
  const seen = { story: await inner(page, 'story') }
  seen.phases = await page.getByTestId('timing').locator('[data-phase]').evaluateAll((bars) => bars.map((bar) => bar.dataset.phase))
  await page.getByTestId('sizes-response').getByText('sent as').waitFor()
  seen.sizes = await inner(page, 'sizes-response')
  await page.getByTestId('reuse').waitFor()
  seen.reuse = await inner(page, 'reuse')
  seen.redirected = await inner(page, 'redirect-from')
  await screenshots(page, DESKTOP, 'overview')
  await tab(page, 'request')
  await page.getByTestId('inside-request').waitFor()
  for (const part of ['query', 'cookies', 'credentials', 'token']) seen[part] = await inner(page, `part-${part}`)
  await tab(page, 'response')
  await page.getByTestId('inside-response').waitFor()
  seen.set = await inner(page, 'part-set-cookies')
  seen.caching = await inner(page, 'caching')
  seen.cors = await inner(page, 'cors')
  const head = page.getByTestId('head-response')
  const etag = head.getByRole('button', { name: 'ETag' })
  await etag.click()
  seen.tip = await inner(page, 'term-tip')
  seen.link = await page.getByTestId('term-tip').getByRole('link').getAttribute('href')
  await page.keyboard.press('Escape')
  await page.getByTestId('term-tip').waitFor({ state: 'detached' })
  await head.getByRole('button', { name: '200' }).click()
  seen.status = await inner(page, 'term-tip')
  await page.keyboard.press('Escape')
  await screenshots(page, DESKTOP, 'headers')
  await page.setViewportSize(PHONE)
  await screenshots(page, PHONE, 'headers')
  await page.setViewportSize(DESKTOP)
  await etag.click({ button: 'right' })
  await page.getByTestId('menu-filter-by').click()
  seen.filtered = await page.getByTestId('filter').inputValue()
  await row(page, '/old').waitFor({ state: 'detached' })
  await row(page, '/explained').waitFor()
  seen.matching = await page.getByTestId('flow-row').count()
  return seen
}

/** From the flow that was redirected to the one that followed, and back. */
async function jump(page) {
  await page.getByTestId('filter').fill('')
  await row(page, '/old').waitFor()
  const shown = () => page.locator('[data-testid=detail][data-id]').getAttribute('data-id')
  await open(page, '/old')
  await tab(page, 'overview')
  const old = await shown()
  await page.getByTestId('redirect-to').getByRole('button').click()
  await page.getByTestId('redirect-from').waitFor()
  const next = await shown()
  const selected = await row(page, '/explained').getAttribute('aria-selected')
  await page.getByTestId('redirect-from').getByRole('button').click()
  await page.getByTestId('redirect-to').waitFor()
  return { old: Number(old), next: Number(next), selected, back: Number(await shown()) }
}

/** Two heads that hardly differ: as one, and each by itself; both are copied as the bytes that they are. */
async function heads(page) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await row(page, '/odd').waitFor()
  await open(page, '/odd')
  await tab(page, 'request')
  const heads = page.getByTestId('heads-request')
  await heads.waitFor()
  const shown = async () => ({
    line: await heads.locator('.start').innerText(),
    gone: await heads.locator('.start del').allInnerTexts(),
    fields: await heads.locator('dl > div').evaluateAll((lines) => lines.map((line) => [line.querySelector('dt').textContent, line.querySelector('dd').firstChild.textContent, line.dataset.only ?? null])),
  })
  const copied = async (press) => {
    await page.evaluate(() => navigator.clipboard.writeText(''))
    await press()
    for (const end = Date.now() + 30_000; Date.now() < end; ) {
      const text = await page.evaluate(() => navigator.clipboard.readText())
      if (text !== '') return text
    }
    return null
  }
  const copy = page.getByTestId('head-copy')
  const chosen = (name) => async () => {
    await copy.click()
    await page.getByTestId(`menu-${name}`).click()
  }
  const seen = { both: await shown(), broken: await audit(page, '[data-testid=detail]') }
  seen.copied = { came: await copied(chosen('copy-came')), sent: await copied(chosen('copy-sent')) }
  await screenshots(page, DESKTOP, 'heads')
  await page.setViewportSize(PHONE)
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'heads')
  await page.setViewportSize(DESKTOP)
  for (const which of ['came', 'sent']) {
    await page.getByTestId(`head-as-${which}`).click()
    seen[which] = { ...(await shown()), copied: await copied(() => copy.click()) }
  }
  // so it stays
  await tab(page, 'overview')
  await tab(page, 'request')
  seen.stays = await page.getByTestId('head-as-sent').getAttribute('aria-checked')
  return seen
}

async function huge(page) {
  await row(page, '/huge').waitFor()
  await open(page, '/huge')
  await tab(page, 'response')
  const fields = page.getByTestId('head-response').locator('dl > div')
  await page.getByTestId('fields-rest').waitFor()
  const first = await fields.count()
  const rest = await inner(page, 'fields-rest')
  await page.getByTestId('fields-more').click()
  await fields.nth(2399).waitFor({ state: 'attached' })
  const then = await fields.count()
  while ((await page.getByTestId('fields-more').count()) > 0) await page.getByTestId('fields-more').click()
  await fields.nth(10_002).waitFor({ state: 'attached' })
  // the large value, piece by piece until it is whole
  const value = fields.filter({ hasText: 'X-Large' }).locator('dd')
  const cut = (await value.innerText()).length
  const more = value.getByRole('button')
  for (; (await more.count()) > 0; ) await more.click()
  const text = await value.evaluate((value) => value.textContent)
  const names = await fields.nth(9_001).innerText()
  await screenshots(page, DESKTOP, 'huge')
  return { first, rest, then, all: await fields.count(), cut, whole: text.length, end: text.trimEnd().slice(-11), names }
}

async function events(page, { curl, origin }) {
  await row(page, '/stream').waitFor()
  await open(page, '/stream')
  await tab(page, 'messages')
  const kinds = () => page.getByTestId('message').locator('.kind').allInnerTexts()
  await page.getByTestId('message').filter({ hasText: 'first' }).waitFor()
  const before = await kinds()
  await page.getByTestId('message').filter({ hasText: 'first' }).click()
  const facts = await inner(page, 'event-facts')
  await page.getByTestId('message-detail').getByTestId('body-text').getByText('first').waitFor()
  const whole = await inner(page, 'message-detail')
  await promisify(execFile)('curl', [...curl, `${origin}/go`])
  await page.getByTestId('message').filter({ hasText: 'second line' }).waitFor()
  return { before, facts, whole, after: await kinds() }
}

/** A WebSocket's messages: who sent them, what they are, and one of them whole. */
async function messages(page) {
  await row(page, '/socket').waitFor()
  await open(page, '/socket')
  await tab(page, 'messages')
  const message = (text) => page.getByTestId('message').filter({ hasText: text })
  await message('close 1000').last().waitFor()
  const all = await page.getByTestId('message').evaluateAll((rows) => rows.map((row) => [row.dataset.side, row.querySelector('.kind').textContent, row.querySelector('.preview').textContent.slice(0, 40)]))
  const size = await message('long long').first().locator('.size').getAttribute('title')
  await message('hello').first().click()
  await page.getByTestId('message-detail').getByTestId('body-text').getByText('hello ✓').waitFor()
  // by keys: the next but one is the binary one
  await page.getByRole('listbox', { name: 'Messages' }).focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  await page.getByTestId('message-detail').getByTestId('body-hex').getByText('!"#$%&').waitFor()
  await screenshots(page, DESKTOP, 'messages')
  const broken = { desktop: await audit(page, '[data-testid=detail]') }
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'messages')
  broken.phone = await audit(page, '[data-testid=detail]')
  await page.setViewportSize(DESKTOP)
  return { all, size, wide, broken }
}

/** The same messages after they were taken out and brought in by the page. */
async function imported(page, { file }) {
  const list = () => page.getByTestId('message').evaluateAll((rows) => rows.map((row) => [row.dataset.side, row.querySelector('.kind').textContent, row.querySelector('.size').title, row.querySelector('.preview').textContent.slice(0, 40)]))
  const look = async () => {
    await row(page, '/socket').waitFor()
    await open(page, '/socket')
    await tab(page, 'messages')
    await page.getByTestId('message').filter({ hasText: 'close 1000' }).last().waitFor()
    return list()
  }
  const before = await look()
  const id = await row(page, '/socket').getAttribute('data-id')
  await page.getByTestId('detail-close').click()
  await page.getByTestId('export-open').click()
  await page.getByTestId('export-format').selectOption('har')
  const download = page.waitForEvent('download')
  await page.getByTestId('export-download').click()
  await (await download).saveAs(file)
  await page.getByTestId('sessions-open').click()
  await page.getByTestId('import-open').click()
  await page.getByTestId('import-file').setInputFiles(file)
  const result = await page.getByTestId('import-result').innerText()
  await page.getByTestId('import-open-session').click()
  await page.getByTestId('session-banner').waitFor()
  // the list before stands until the new one comes
  await page.locator(`[data-testid=flow-row][data-id="${id}"]`).waitFor({ state: 'detached' })
  const after = await look()
  await page.getByTestId('message').filter({ hasText: 'hello' }).first().click()
  await page.getByTestId('message-detail').getByTestId('body-text').getByText('hello ✓').waitFor()
  return { before, after, result }
}

async function tls(page) {
  await row(page, '/tls').waitFor()
  await open(page, '/tls')
  await tab(page, 'connection')
  await page.getByTestId('tls-picture').waitFor()
  const picture = await inner(page, 'tls-picture')
  for (const side of ['server', 'client']) {
    const first = page.getByTestId(`tls-${side}`).locator('details').first()
    await first.locator('summary').click()
    await first.getByText('SHA-256').first().waitFor()
  }
  const seen = { picture, server: await inner(page, 'tls-server'), client: await inner(page, 'tls-client') }
  await screenshots(page, DESKTOP, 'tls')
  return seen
}

/** The waterfall: each bar's name, and where it begins and how wide it is, in percent of its track. */
async function waterfall(page) {
  await row(page, '/steps').waitFor()
  await open(page, '/steps')
  const timing = page.getByTestId('timing')
  await timing.waitFor()
  const phases = await timing.locator('[data-phase] .name').allInnerTexts()
  const bars = await timing.locator('[data-phase] .track').evaluateAll((tracks) =>
    tracks.map((track) => {
      const [all, bar] = [track, track.querySelector('i')].map((element) => element.getBoundingClientRect())
      // a bar is two pixels wide at least
      const width = bar.width <= 2.01 ? 0 : (bar.width / all.width) * 100
      return [((bar.left - all.left) / all.width) * 100, width]
    }),
  )
  await screenshots(page, DESKTOP, 'steps')
  const broken = await audit(page, '[data-testid=timing]')
  return { phases, bars, broken }
}
