// Two flows beside each other: how long their parts took, and bodies that are no text.
import { DESKTOP, audit, row, screenshots, steps } from './shared.mjs'

await steps({ binary })

async function binary(page) {
  await row(page, '/two.bin').and(page.locator('[data-state=complete]')).waitFor()
  await row(page, '/one.bin').click()
  await row(page, '/two.bin').click({ modifiers: ['Control'] })
  await page.keyboard.press('v')
  const body = page.getByTestId('compare-response-body')
  await body.and(page.locator('[data-as=binary]')).waitFor()
  const table = body.getByTestId('diff-binary')
  await table.getByText('SHA-256').waitFor()
  const lines = (table) => table.locator('tbody tr').evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.innerText.trim())))
  const seen = { binary: await lines(table), timings: await lines(page.getByTestId('compare-timings')) }
  seen.bars = await page.getByTestId('compare-timings').locator('i').evaluateAll((bars) => bars.map((bar) => [bar.parentElement.getBoundingClientRect().width, bar.getBoundingClientRect().width]))
  seen.apart = await page.getByTestId('compare-timings').locator('tr.apart').evaluateAll((rows) => rows.map((row) => row.firstElementChild.innerText))
  await screenshots(page, DESKTOP, 'compared')
  seen.broken = await audit(page, '[data-testid=compare]')
  await page.keyboard.press('Escape')
  return seen
}
