// A conversation that turned to TLS: its pieces, followed from its beginning to its end, and its connection.
import { audit, DESKTOP, PHONE, screenshots, steps } from './shared.mjs'

await steps({ mail, database })

/** Opens the one flow there is, at its messages. */
async function messages(page) {
  const flow = page.getByTestId('flow-row').first()
  await flow.waitFor()
  const method = (await flow.locator('[data-col=method]').innerText()).trim()
  await flow.click()
  await page.getByTestId('story').waitFor()
  const story = await page.getByTestId('story').innerText()
  await page.getByTestId('tab-messages').click()
  return { method, story }
}

async function follow(page) {
  await page.getByTestId('messages-form-stream').click()
  await page.locator('[data-testid=follow][data-done]').waitFor()
  const lines = page.getByTestId('follow').getByTestId('body-text')
  await lines.getByText('TLS begins here').first().waitFor()
  return lines
}

async function mail(page) {
  const seen = await messages(page)
  const pieces = page.getByTestId('message')
  await pieces.filter({ hasText: 'tea house' }).first().waitFor()
  seen.pieces = await pieces.evaluateAll((rows) => rows.map((row) => row.querySelector('.kind').textContent))
  await screenshots(page, DESKTOP, 'starttls-pieces')
  const lines = await follow(page)
  await lines.getByText('tea house').waitFor()
  seen.lines = (await lines.locator('.text').allInnerTexts()).map((line) => line.trim()).filter((line) => line !== '')
  await screenshots(page, DESKTOP, 'starttls-follow')
  seen.broken = await audit(page, '[data-testid=detail]')
  await page.setViewportSize(PHONE)
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'starttls-follow')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('tab-connection').click()
  seen.picture = await page.getByTestId('tls-picture').innerText()
  await screenshots(page, DESKTOP, 'starttls-connection')
  return seen
}

async function database(page) {
  await messages(page)
  const lines = await follow(page)
  await lines.getByText('read 42').first().waitFor()
  await screenshots(page, DESKTOP, 'starttls-database')
  return lines.innerText()
}
