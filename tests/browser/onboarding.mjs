// Opens the onboarding site through the proxy, as a phone does, and tells what it says of the certificate.
import { launch, main } from './chromium.mjs'

await main(async ({ proxy, root, url, state }) => {
  const browser = await launch({ proxy, root })
  const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
  page.setDefaultTimeout(90_000)
  const errors = []
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(url)
  const check = page.locator('#check')
  // what it knew of the device when it was made may change when it has looked
  await check.and(page.locator(`[data-state=${state}]`)).waitFor()
  const seen = {
    said: await page.locator('#said').textContent(),
    overflow: await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
    errors,
  }
  await browser.close()
  return seen
})
