// Parts of flows that are left, and come back to.
import { PATIENCE, open, steps } from './shared.mjs'

await steps({ parts })

/** Scrolls, and waits until that is drawn. */
async function scroll(place, to) {
  return place.evaluate(async (one, to) => {
    one.scrollTop = to
    for (let n = 0; n < 2; n++) await new Promise((drawn) => requestAnimationFrame(drawn))
    return one.scrollTop
  }, to)
}

/** Where an element is scrolled to, when it is where it ought to be or has had its time. */
async function settled(page, place, wanted) {
  const end = performance.now() + PATIENCE
  for (;;) {
    const now = await place.evaluate((one) => one.scrollTop).catch(() => -1)
    if (now === wanted || performance.now() > end) return now
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)))
  }
}

async function parts(page) {
  const seen = {}
  const away = async () => {
    await open(page, '/short')
    await page.getByTestId('body-text').getByText('short').waitFor()
  }
  const body = async (path, view) => {
    await open(page, path)
    await page.getByTestId(`body-${view}`).waitFor()
    return page.getByTestId(`body-${view}`)
  }
  await open(page, '/short')
  await page.getByTestId('tab-body').click()
  await away()

  const form = await body('/form', 'form')
  seen.form = [await scroll(form, 1500)]
  await away()
  seen.form.push(await settled(page, await body('/form', 'form'), seen.form[0]))

  const image = await body('/image', 'image')
  await image.locator('img').evaluate((one) => one.decode())
  seen.image = [await scroll(image, 1800)]
  await away()
  seen.image.push(await settled(page, await body('/image', 'image'), seen.image[0]))

  // one part shut that was open, one opened that was shut, one looked at otherwise, one scrolled inside
  const part = (n) => page.getByTestId('body-part').nth(n)
  const fold = (n) => part(n).locator('.fold')
  const multipart = await body('/parts', 'parts')
  await fold(0).click()
  await fold(10).click()
  await part(1).getByTestId('part-view-hex').click()
  await part(1).getByTestId('body-hex').waitFor()
  const inner = part(2).locator('.scroller')
  await inner.waitFor()
  seen.inner = [await scroll(inner, 18 * 50)]
  seen.shut = [await fold(0).getAttribute('aria-expanded')]
  seen.opened = [await fold(10).getAttribute('aria-expanded')]
  seen.multipart = [await scroll(multipart, 900)]
  await away()
  seen.multipart.push(await settled(page, await body('/parts', 'parts'), seen.multipart[0]))
  seen.inner.push(await settled(page, inner, seen.inner[0]))
  seen.shut.push(await fold(0).getAttribute('aria-expanded'))
  seen.opened.push(await fold(10).getAttribute('aria-expanded'))
  seen.hex = await part(1).getByTestId('body-hex').count()

  // the head: more of its fields, more of a value, scrolled down
  const panel = page.locator('#panel')
  await open(page, '/head')
  await page.getByTestId('tab-response').click()
  await page.getByTestId('head-response').getByText('X-Field-5', { exact: true }).waitFor()
  await page.getByTestId('head-response').locator('button.more').click()
  await page.getByTestId('fields-more').click()
  await page.getByTestId('head-response').getByText('X-Field-599', { exact: true }).waitFor()
  await page.mouse.move(0, 0)
  seen.head = [await scroll(panel, 12_000)]
  await open(page, '/short')
  await page.getByTestId('head-response').getByText('text/plain').first().waitFor()
  seen.others = await panel.evaluate((one) => one.scrollTop)
  await open(page, '/head')
  await page.getByTestId('head-response').getByText('X-Field-599', { exact: true }).waitFor().catch(() => {})
  seen.fields = (await page.getByTestId('fields-rest').count()) === 0 && (await page.getByTestId('head-response').locator('button.more').count()) === 0
  seen.head.push(await settled(page, panel, seen.head[0]))
  return seen
}
