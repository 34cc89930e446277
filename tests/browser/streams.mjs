// What goes on while it is looked at: calls of gRPC, a long download; and DNS over HTTPS.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { audit, DESKTOP, open, PHONE, row, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ calls, unusable, download, dns })

function inner(page, id) {
  return page.getByTestId(id).first().innerText()
}

/** A call that fails, and the messages of one that goes on. */
async function calls(page, { go: [python, ...args] }) {
  const seen = { statuses: {} }
  for (const name of ['Buy', 'Refuse']) {
    await row(page, name).waitFor()
    seen.statuses[name] = (await row(page, name).locator('[data-col=status]').innerText()).replace(/\s+/g, ' ').trim()
  }
  seen.hint = await row(page, 'Refuse').locator('[data-col=status]').getAttribute('title')
  await open(page, 'Refuse')
  seen.failure = await inner(page, 'grpc-failure')
  seen.story = await inner(page, 'story')
  await screenshots(page, DESKTOP, 'grpc-failure')
  await open(page, 'Watch')
  await page.getByTestId('tab-messages').click()
  const messages = page.getByTestId('message')
  const list = () => messages.evaluateAll((rows) => rows.map((row) => [row.dataset.side, row.querySelector('.kind').textContent, row.querySelector('.preview').textContent.slice(0, 15)]))
  await messages.filter({ hasText: 'packed' }).waitFor()
  seen.before = await list()
  await run(python, args)
  await messages.filter({ hasText: 'delivered' }).waitFor()
  seen.after = await list()
  await messages.first().click()
  seen.facts = await inner(page, 'grpc-facts')
  await page.getByTestId('message-detail').getByTestId('body-text').getByText('tea').waitFor()
  seen.whole = await inner(page, 'message-detail')
  await screenshots(page, DESKTOP, 'grpc')
  seen.broken = await audit(page, '[data-testid=detail]')
  await page.setViewportSize(PHONE)
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'grpc')
  await page.setViewportSize(DESKTOP)
  return seen
}

async function unusable(page) {
  await row(page, 'Buy').waitFor()
  await open(page, 'Buy')
  await page.getByTestId('tab-messages').click()
  await page.getByTestId('message').first().waitFor()
  return inner(page, 'schema-wrong')
}

/** A download of three pieces, each when the one before was seen. */
async function download(page, { curl, origin }) {
  const one = row(page, '/long.zip')
  const size = one.locator('[data-col=size]')
  const seen = { sizes: [] }
  const reaches = async (words) => {
    await size.filter({ hasText: words }).waitFor()
    seen.sizes.push(await size.innerText())
  }
  await reaches('100 kB')
  await run('curl', [...curl, `${origin}/go`])
  await reaches('200 kB')
  const rate = one.locator('[data-col=duration][data-rate]')
  await rate.waitFor()
  seen.rate = await rate.innerText()
  await open(page, '/long.zip')
  await page.getByTestId('story').filter({ hasText: '/s' }).waitFor()
  seen.story = await inner(page, 'story')
  await screenshots(page, DESKTOP, 'download')
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body-arrival').filter({ hasText: '/s' }).waitFor()
  seen.arrival = await inner(page, 'body-arrival')
  await page.getByTestId('tab-overview').click()
  await run('curl', [...curl, `${origin}/go`])
  await reaches('300 kB')
  await run('curl', [...curl, `${origin}/go`])
  await page.getByTestId('story').filter({ hasText: 'with 300 kB' }).waitFor()
  seen.over = await inner(page, 'story')
  return seen
}

async function dns(page) {
  await row(page, '/dns-query').waitFor()
  const seen = { type: await row(page, '/dns-query').locator('[data-col=type]').innerText() }
  await open(page, '/dns-query')
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body-dns').getByText('93.184.216.34').waitFor()
  seen.text = await inner(page, 'body-dns')
  await screenshots(page, DESKTOP, 'dns')
  seen.broken = await audit(page, '[data-testid=detail]')
  return seen
}
