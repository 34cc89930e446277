// What rules did to a flow, in the list and in its overview.
import { audit, DESKTOP, open, row, screenshots, steps } from './shared.mjs'

await steps({ changed })

async function changed(page) {
  await row(page, '/data').waitFor()
  const mark = row(page, '/data').locator('.mark.modified')
  const title = await mark.getAttribute('title')
  await open(page, '/data')
  const did = page.getByTestId('rule-did')
  await did.last().waitFor()
  const texts = await did.allInnerTexts()
  const broken = await audit(page, '[data-testid=detail]')
  await screenshots(page, DESKTOP, 'rules')
  return { title, texts, broken }
}
