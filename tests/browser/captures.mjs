// Packets beside the proxy: captured from the page, seen in the list, switched off again.
import { spawn } from 'node:child_process'
import { audit, DESKTOP, PHONE, row, screenshots, steps } from './shared.mjs'

await steps({ capture })

async function capture(page, { place, expression, talk }) {
  const line = page.getByTestId('status-capture')
  const before = await line.innerText()
  await line.click()
  const dialog = page.getByTestId('capture-dialog')
  await dialog.getByTestId('capture-interface').selectOption(place)
  // what is no expression is said, and put away
  await dialog.getByTestId('capture-expression').fill('no such thing')
  await dialog.getByTestId('capture-start').click()
  const failed = dialog.locator('[data-testid=capture][data-state=failed]')
  await failed.waitFor()
  const error = await failed.getByTestId('capture-error').innerText()
  await screenshots(page, DESKTOP, 'capture-failed')
  await failed.getByTestId('capture-stop').click()
  await failed.waitFor({ state: 'detached' })

  await dialog.getByTestId('capture-expression').fill(expression)
  await dialog.getByTestId('capture-start').click()
  await dialog.locator('[data-testid=capture][data-state=running]').waitFor()
  await screenshots(page, DESKTOP, 'capture')
  const broken = { desktop: await audit(page) }
  await page.setViewportSize(PHONE)
  broken.phone = await audit(page)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'capture')
  await page.setViewportSize(DESKTOP)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })

  const [python, ...args] = talk
  const talking = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const stream = row(page, ':6000')
  // while it goes on, and when it is over
  await stream.and(page.locator('[data-state=running]')).waitFor()
  talking.stdin.write('\n')
  await stream.and(page.locator('[data-state=complete]')).waitFor()
  talking.stdin.end('\n')
  await page.waitForFunction(() => / [1-9]\d* packets?/.test(document.querySelector('[data-testid=status-capture]').textContent))
  const during = await line.innerText()
  await screenshots(page, DESKTOP, 'captured')

  await line.click()
  await dialog.getByTestId('capture-stop').click()
  await dialog.getByTestId('capture').waitFor({ state: 'detached' })
  await page.keyboard.press('Escape')
  return { before, error, during, after: await line.innerText(), broken, wide }
}
