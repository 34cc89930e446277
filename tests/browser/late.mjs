// The page while the answers to what it asked are held back.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { rows, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ deleted, mistaken })

/** Holds requests back until it is called. */
async function hold(page, which) {
  let release
  let seen
  const released = new Promise((resolve) => (release = resolve))
  const asked = new Promise((resolve) => (seen = resolve))
  await page.route(which, async (route) => {
    seen()
    await released
    await route.continue().catch(() => {}) // the page may have given it up
  })
  return { asked, release }
}

/** Delete while the list changes its order goes on to the next flow. */
async function deleted(page, { curl, origin }) {
  await run('curl', [...curl, '--output', '/dev/null', `${origin}/many/[1-600]`])
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=flow-list]').ariaRowCount) === 603)
  await page.evaluate(() => (location.hash = '#/?sort=path'))
  await page.locator('[role=columnheader][data-col=path][aria-sort=ascending]').waitFor()
  const lists = await hold(page, ({ pathname }) => pathname === '/api/flows' || pathname.endsWith('/position'))
  await page.evaluate(() => (location.hash = '#/?flow=450'))
  await page.locator('[data-testid=detail][data-id="450"]').waitFor()
  await lists.asked
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Delete')
  // what goes wrong goes wrong now: the flow is closed before the list has come
  const held = await page.evaluate(async () => {
    for (let n = 0; n < 20; n++) await new Promise((drawn) => requestAnimationFrame(drawn))
    return document.querySelector('[data-testid=detail]') !== null
  })
  lists.release()
  await page.locator('[data-testid=detail][data-id="451"]').waitFor()
  await page.locator('#row-451[aria-selected=true]').waitFor()
  await page.locator('#row-450').waitFor({ state: 'detached' })
  await page.unrouteAll({ behavior: 'wait' })
  const chosen = await page.locator('[data-testid=flow-row][aria-selected=true]').evaluateAll((all) => all.map((one) => Number(one.dataset.id)))
  const gone = !(await rows(page)).includes('/many/448')
  const shown = await page.getByTestId('detail').getAttribute('data-id')
  await page.getByTestId('detail-close').click()
  return { held, shown, chosen, gone }
}

/** The mistake of a filter is not that of the next one. */
async function mistaken(page) {
  const field = page.getByTestId('filter')
  await field.fill('status:nonsense')
  await page.getByTestId('filter-error').waitFor()
  const wrong = await page.getByTestId('filter-error').innerText()
  const next = await hold(page, ({ pathname, searchParams }) => pathname === '/api/flows' && searchParams.get('filter') === 'path:="/many/7"')
  await field.fill('path:="/many/7"')
  await next.asked
  const meanwhile = await page.evaluate(async () => {
    let marked = 0
    for (let n = 0; n < 20; n++) {
      await new Promise((drawn) => requestAnimationFrame(drawn))
      marked += document.querySelectorAll('[data-testid=filter-error]').length
    }
    return { marked, invalid: document.querySelector('[data-testid=filter]').ariaInvalid }
  })
  next.release()
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=flow-list]').ariaRowCount) === 2)
  const after = await page.getByTestId('filter-error').count()
  await page.unrouteAll({ behavior: 'wait' })
  await field.fill('')
  return { wrong, meanwhile, after }
}
