// Scripts: what they did and said, what is wrong with one that is saved while the page is open, how one is written.
import { audit, DESKTOP, open, PHONE, row, save, screenshots, steps } from './shared.mjs'

await steps({ said, saved, none })

async function said(page) {
  await page.getByTestId('scripts-open').click()
  const script = page.getByTestId('script')
  await script.waitFor()
  const measures = page.getByTestId('script-measures')
  await measures.filter({ hasText: '2 calls' }).waitFor()
  const seen = { script: await script.innerText(), lines: await page.getByTestId('console-line').allInnerTexts() }
  seen.example = await page.getByTestId('example').filter({ hasText: 'export function onRequest' }).innerText()
  seen.types = await page.evaluate(async () => (await fetch(document.querySelector('[data-testid=types]').href)).text())
  seen.broken = await audit(page, '[data-testid=scripts]')
  await screenshots(page, DESKTOP, 'scripts')
  await page.setViewportSize(PHONE)
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  seen.brokenNarrow = await audit(page, '[data-testid=scripts]')
  await screenshots(page, PHONE, 'scripts')
  await page.setViewportSize(DESKTOP)
  // from what was said to the flow that it was said about, which says what the script did
  await page.getByTestId('console-flow').last().click()
  await page.getByTestId('rule-did').first().waitFor()
  seen.did = await page.getByTestId('rule-did').allInnerTexts()
  // of one that failed, the overview and what was changed say the same
  await open(page, '/bad')
  seen.failed = [await page.getByTestId('rule-did').filter({ hasText: 'failed' }).innerText()]
  await page.getByTestId('show-changes').click()
  seen.failed.push(await page.getByTestId('changes-request').locator('li').first().innerText())
  seen.mark = await row(page, '/good').locator('.mark.modified').getAttribute('title')
  return seen
}

async function saved(page, { script, wrong, right }) {
  // by the palette's command, as by the toolbar
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette').waitFor()
  await page.keyboard.type('Scripts')
  await page.keyboard.press('Enter')
  const one = page.getByTestId('script')
  await one.waitFor()
  await save(script, wrong)
  await page.locator('[data-testid=script][data-state=stale]').waitFor()
  const seen = { stale: await one.innerText() }
  await page.getByTestId('console-line').filter({ hasText: 'cannot be used' }).first().waitFor()
  await screenshots(page, DESKTOP, 'scripts-stale')
  await save(script, right)
  await page.locator('[data-testid=script][data-state=active]').waitFor()
  await page.getByTestId('console-clear').click()
  await page.getByTestId('console-line').first().waitFor({ state: 'detached' })
  seen.after = await one.innerText()
  await page.keyboard.press('Escape')
  await page.getByTestId('scripts').waitFor({ state: 'detached' })
  return seen
}

async function none(page) {
  await page.getByTestId('scripts-open').click()
  await page.getByTestId('scripts-none').waitFor()
  const broken = await audit(page, '[data-testid=scripts]')
  return { text: await page.getByTestId('scripts').innerText(), broken }
}
