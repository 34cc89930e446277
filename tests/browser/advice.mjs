// What a failed flow says of itself and of what can be done.
import { audit, DESKTOP, PHONE, screenshots, steps } from './shared.mjs'

await steps({ failed })

/** Each flow by its number: its word in the list, its sentence, what it says is wrong, and what to do. */
async function failed(page, { flows }) {
  const seen = {}
  for (const [name, id] of Object.entries(flows)) {
    await page.evaluate((id) => (location.hash = `#/?flow=${id}`), id)
    const detail = page.locator(`[data-testid=detail][data-id="${id}"]`)
    const failure = detail.getByTestId('failure')
    await failure.waitFor()
    const status = page.locator(`[data-testid=flow-row][data-id="${id}"] [data-col=status]`)
    seen[name] = {
      status: await status.innerText(),
      tone: await status.evaluate((cell) => cell.className.includes('tone-failed')),
      story: await detail.getByTestId('story').innerText(),
      text: await failure.locator('.text').innerText(),
      // where in its waterfall it broke off
      broke: await detail.locator('[data-testid=timing] [data-failed] .name').allInnerTexts(),
      phases: await detail.locator('[data-testid=timing] [data-phase] .name').allInnerTexts(),
      steps: await failure.locator('li').allInnerTexts(),
    }
  }
  await screenshots(page, DESKTOP, 'advice')
  seen.broken = { desktop: await audit(page, '[data-testid=detail]') }
  await page.setViewportSize(PHONE)
  seen.broken.phone = await audit(page)
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'advice')
  await page.setViewportSize(DESKTOP)
  return seen
}
