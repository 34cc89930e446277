// A WebSocket whose frames break the protocol, behind thousands that do not.
import { audit, DESKTOP, open, PHONE, row, screenshots, steps } from './shared.mjs'

await steps({ marked, many })

function list(page) {
  return page.getByTestId('message')
}

async function marked(page) {
  await row(page, '/frames').waitFor()
  await open(page, '/frames')
  await page.getByTestId('tab-messages').click()
  await list(page).filter({ hasText: 'odd' }).waitFor()
  const plain = (await list(page).filter({ hasText: 'plain' }).getByTestId('message-broken').count()) > 0
  const marks = await page.getByTestId('message-broken').evaluateAll((marks) => marks.map((mark) => mark.title))
  await list(page).filter({ hasText: 'bare' }).click()
  const said = await page.getByTestId('message-wrong').innerText()
  const broken = await audit(page, '[data-testid=detail]')
  await screenshots(page, DESKTOP, 'frames')
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'frames')
  await page.setViewportSize(DESKTOP)
  await page.getByLabel('Close the message').click()
  return { plain, marked: marks, said, wide, broken }
}

/** To the end by keys, however many there are. */
async function many(page) {
  await page.getByRole('listbox', { name: 'Messages' }).focus()
  const end = list(page).filter({ hasText: 'close 1006' })
  while ((await end.count()) === 0) {
    await page.keyboard.press('End')
    await page.evaluate(() => new Promise(requestAnimationFrame))
  }
  await end.click()
  const rest = await page.getByTestId('messages-rest').innerText()
  const wrong = await page.getByTestId('message-broken').evaluateAll((marks) => marks.map((mark) => mark.title))
  const rows = await list(page).count()
  const last = await list(page).filter({ hasText: /message \d{5}/ }).last().locator('.preview').innerText()
  return { rest, wrong, rows, last }
}
