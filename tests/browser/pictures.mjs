// Takes the README's pictures, of the page and of what a phone sees, while a phone is let in and buys a lamp.
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { launch, main } from './chromium.mjs'

const run = promisify(execFile)

await main(async ({ link, folder, proxy, agent, asks, visits }) => {
  mkdirSync(folder, { recursive: true })
  const browser = await launch()
  const page = await browser.newPage({ viewport: { width: 1200, height: 318 }, colorScheme: 'light' })
  page.setDefaultTimeout(90_000)
  const taken = []
  const picture = async (of, name) => {
    await of.mouse.move(0, 0)
    await of.screenshot({ path: `${folder}/${name}.png` })
    taken.push(name)
  }
  const row = (text) => page.getByTestId('flow-row').filter({ hasText: text })
  const complete = (text) => row(text).first().and(page.locator('[data-state=complete]')).waitFor()

  await page.goto(link)
  await page.getByTestId('connection-state').getByText('live').waitFor()
  await page.getByTestId('empty').waitFor()
  const asking = run(asks[0], asks.slice(1)).catch(() => {})
  await page.getByTestId('device-banner').getByText('iPhone').waitFor()
  await picture(page, 'device')
  await page.getByTestId('device-allow').click()
  await page.getByTestId('device-banner').waitFor({ state: 'detached' })
  await asking

  const phone = await launch({ proxy })
  const site = await phone.newPage({ viewport: { width: 390, height: 844 }, userAgent: agent, isMobile: true, hasTouch: true })
  await site.goto('http://overhear.internal/')
  await site.locator('#check').waitFor()
  await picture(site, 'onboarding-iphone')
  await phone.close()
  await page.evaluate(() => fetch('/api/flows', { method: 'DELETE' }))

  for (const visit of visits) await run(visit[0], visit.slice(1)).catch(() => {})
  await page.setViewportSize({ width: 1280, height: 760 })
  await page.reload()
  await complete('/img/missing.jpg')
  await row('/v1/products?page=1').click()
  await page.getByTestId('story').waitFor()
  await page.getByTestId('timing').waitFor()
  await picture(page, 'page')

  await page.getByTestId('tab-body').click()
  await page.getByTestId('body-text').getByText('Desk lamp').first().waitFor()
  await picture(page, 'detail')
  await page.getByTestId('detail-close').click()

  await row('/v1/orders').click()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('r')
  const body = page.getByTestId('replay-body')
  await body.getByText('quantity').waitFor()
  await body.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.type('{"product": 102, "quantity": 2')
  await page.getByTestId('replay-send').click()
  await page.getByTestId('replay-version-1').getByText('201').waitFor()
  await page.getByTestId('replay-body-diff').getByText('$.order').waitFor()
  await picture(page, 'replay')
  await browser.close()
  return { taken }
})
