// Visits a page through the proxy and tells what came of it.
import { launch, main } from './chromium.mjs'

await main(async ({ proxy, root, url }) => {
  const browser = await launch({ proxy, root })
  const page = await browser.newPage()
  page.setDefaultTimeout(90_000)
  const errors = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  page.on('requestfailed', (request) => errors.push(`${request.url()} ${request.failure()?.errorText}`))
  let response
  try {
    response = await page.goto(url)
  } catch (error) {
    await browser.close()
    return { failed: error.message }
  }
  await page.waitForFunction(() => document.querySelector('#greeting').textContent !== 'waiting')
  const seen = await page.evaluate(() => ({
    greeting: document.querySelector('#greeting').textContent,
    background: getComputedStyle(document.body).backgroundColor,
    picture: document.querySelector('#picture').naturalWidth,
    secure: window.isSecureContext,
  }))
  const security = await response.securityDetails()
  await browser.close()
  return { ...seen, issuer: security?.issuer ?? null, errors }
})
