// Drives the list as a place: what is pressed, chosen and gone to is what is shown, while flows come, go, are sorted and filtered.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DESKTOP, PHONE, open, row, rows, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ pressed, sorted, around, linked, followed, unseen, onward, touched, narrow, nothing, widths })

function shownId(page) {
  return page.getByTestId('detail').getAttribute('data-id')
}

function chosenIds(page) {
  return page.locator('[data-testid=flow-row][aria-selected=true]').evaluateAll((all) => all.map((one) => Number(one.dataset.id)))
}

/** Waits for a number of rows in the whole list. */
function counts(page, many) {
  return page.waitForFunction((many) => Number(document.querySelector('[data-testid=flow-list]').ariaRowCount) === many + 1, many)
}

async function count(page) {
  return page.getByTestId('flow-list').evaluate((list) => Number(list.ariaRowCount) - 1)
}

/** The row of a flow is in view. */
function inView(page, id) {
  return page.waitForFunction((id) => {
    const row = document.querySelector(`#row-${id}`)?.getBoundingClientRect()
    const list = document.querySelector('[data-testid=flow-list] .rows').getBoundingClientRect()
    return row !== undefined && row.top >= list.top - 1 && row.bottom <= list.bottom + 1
  }, id)
}

/** Rows are pressed while traffic runs: each opens the flow that was under the pointer. */
async function pressed(page, { curl, origin }) {
  await run('curl', [...curl, '--output', '/dev/null', `${origin}/many/[1-600]`])
  await counts(page, 602)
  // flows come before, under and after each press, until the last is done, however long that takes
  let [sent, wanted, over] = [0, 0, false]
  const more = () => (wanted += 15)
  const traffic = (async () => {
    while (!over) {
      if (sent < wanted) await run('curl', [...curl, '--output', '/dev/null', `${origin}/live/${++sent}`])
      else await new Promise((soon) => setTimeout(soon, 20))
    }
    await run('curl', [...curl, '--output', '/dev/null', `${origin}/live/[${sent + 1}-400]`])
  })()
  traffic.catch(() => {}) // it fails where it is awaited
  const list = await page.getByTestId('flow-list').boundingBox()
  const hits = []
  const grown = []
  for (let n = 0; n < 8; n++) {
    // the list follows again, then a hand goes to a row
    more()
    await page.mouse.move(list.x + 200, 20)
    await page.waitForFunction(() => {
      const all = document.querySelector('[data-testid=flow-list] .scroller')
      return all.scrollTop + all.clientHeight >= all.scrollHeight - 4
    })
    const y = list.y + list.height - 40 - n * 30
    await page.mouse.move(list.x + 300, y)
    await page.mouse.down()
    const meant = await page.evaluate(([x, y]) => Number(document.elementFromPoint(x, y).closest('[data-id]')?.dataset.id), [list.x + 300, y])
    const before = await count(page)
    more()
    await page.waitForFunction((before) => Number(document.querySelector('[data-testid=flow-list]').ariaRowCount) - 1 >= before + 2, before)
    grown.push((await count(page)) > before)
    await page.mouse.up()
    more()
    await page.locator(`[data-testid=detail][data-id="${meant}"]`).waitFor().catch(() => {})
    hits.push((await shownId(page)) === String(meant))
    await page.getByTestId('detail-close').click()
    await page.getByTestId('fresh').click()
  }
  over = true
  await traffic
  await counts(page, 1002)
  return { hits, grown: grown.every(Boolean) }
}

/** A sorted list begins with its first rows; with a chosen one, that stays in view. */
async function sorted(page) {
  await page.reload() // without a chosen row
  await row(page, '/live/400').waitFor()
  await page.getByTestId('sort-path').click()
  await page.locator('[role=columnheader][data-col=path][aria-sort=ascending]').waitFor()
  await page.locator('[data-testid=flow-row][aria-rowindex="2"]').waitFor()
  await page.getByTestId('sort-path').click()
  await page.locator('[role=columnheader][data-col=path][aria-sort=descending]').waitFor()
  await page.locator('[data-testid=flow-row][aria-rowindex="2"]').waitFor()
  return (await rows(page))[0]
}

/** A flow is found by a filter; without the filter it stands among its neighbours. */
async function around(page) {
  await page.evaluate(() => (location.hash = '#/'))
  await page.getByTestId('filter').fill('path:="/many/300"')
  await counts(page, 1)
  await open(page, '/many/300')
  const id = Number(await shownId(page))
  await page.getByTestId('filter').fill('')
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=flow-list]').ariaRowCount) > 2)
  await inView(page, id)
  const near = await rows(page)
  const chosen = await chosenIds(page)
  await page.getByTestId('detail-close').click()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('ArrowDown')
  await page.waitForFunction((id) => document.querySelector(`#row-${id}`)?.ariaSelected === 'true', id + 1)
  // several, of which a filter leaves one
  await row(page, '/many/300').click()
  await row(page, '/many/301').click({ modifiers: ['Control'] })
  await row(page, '/many/302').click({ modifiers: ['Control'] })
  await page.keyboard.press('Escape')
  await page.getByTestId('detail').waitFor({ state: 'detached' })
  await page.getByTestId('filter').fill('path:="/many/301"')
  await counts(page, 1)
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('s')
  await row(page, '/many/301').locator('[data-mark=star]').waitFor()
  await page.getByTestId('filter').fill('is:starred')
  const starred = await page.waitForFunction(() => Number(document.querySelector('[data-testid=flow-list]').ariaRowCount) === 2).then(() => rows(page))
  await page.getByTestId('filter').fill('')
  return { near: ['/many/299', '/many/300', '/many/301'].every((one) => near.includes(one)), chosen: chosen.length === 1 && chosen[0] === id, starred }
}

/** A link to a flow in the middle. */
async function linked(page) {
  const here = page.url()
  await page.goto('about:blank')
  await page.goto(`${here.split('#')[0]}#/?flow=400`)
  await page.locator('[data-testid=detail][data-id="400"]').waitFor()
  await inView(page, 400)
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('ArrowDown')
  await page.locator('[data-testid=detail][data-id="401"]').waitFor()
  return chosenIds(page)
}

/** The detail leads elsewhere: the keys mean what it shows. */
async function followed(page) {
  await page.evaluate(() => (location.hash = '#/?flow=26'))
  await inView(page, 26)
  await page.evaluate(() => (location.hash = '#/?flow=900'))
  await page.locator('[data-testid=detail][data-id="900"]').waitFor()
  await inView(page, 900)
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('s')
  await page.locator('#row-900 [data-mark=star]').waitFor()
  // a filter that leaves it out: still what is open is meant
  await page.getByTestId('filter').fill('path:="/many/7"')
  await counts(page, 1)
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('s')
  await page.getByTestId('filter').fill('')
  await inView(page, 900)
  await page.locator('#row-900 [data-mark=star]').waitFor({ state: 'detached' })
  await page.getByTestId('detail-close').click()
  return (await chosenIds(page))[0]
}

/** A new flow of a sorted list is gone to. */
async function unseen(page, { curl, origin }) {
  await page.evaluate(() => (location.hash = '#/?sort=path'))
  await page.locator('[role=columnheader][data-col=path][aria-sort=ascending]').waitFor()
  await run('curl', [...curl, '--output', '/dev/null', `${origin}/many/500b`])
  await page.getByTestId('fresh').getByText('1 new flow').click()
  await row(page, '/many/500b').waitFor()
  const marked = await row(page, '/many/500b').evaluate((one) => one.classList.contains('news'))
  await page.evaluate(() => (location.hash = '#/'))
  return marked
}

/** Delete goes on to the next row; what comes back is chosen. */
async function onward(page) {
  await page.evaluate(() => (location.hash = '#/?flow=450'))
  // not in the list of the step before, which was sorted otherwise
  await page.waitForFunction(() => [449, 450, 451].every((id) => document.querySelector(`#row-${id}`)?.ariaRowIndex === String(id + 1)))
  await inView(page, 450)
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Delete')
  await page.locator('[data-testid=detail][data-id="451"]').waitFor()
  await page.keyboard.press('Delete')
  await page.locator('[data-testid=detail][data-id="452"]').waitFor()
  await page.locator('#row-451').waitFor({ state: 'detached' })
  const next = await chosenIds(page)
  await page.keyboard.press('Control+z')
  await page.locator('[data-testid=detail][data-id="451"]').waitFor()
  await inView(page, 451)
  const back = await chosenIds(page)
  await page.getByTestId('detail-close').click()
  return { next, back }
}

/** A finger rests on a row, and taps choose more. */
async function touched(page) {
  await page.setViewportSize(PHONE)
  await page.evaluate(() => (location.hash = '#/'))
  const client = await page.context().newCDPSession(page)
  const middle = async (n) => {
    const box = await page.getByTestId('flow-row').nth(n).boundingBox()
    return { x: Math.round(box.x + 120), y: Math.round(box.y + box.height / 2) }
  }
  const first = await middle(14)
  await client.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [first] })
  await page.getByTestId('choosing').waitFor()
  await client.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
  const second = await middle(16)
  await page.touchscreen.tap(second.x, second.y)
  await page.getByTestId('choosing-count').getByText('2 flows').waitFor()
  await page.getByTestId('choosing-menu').click()
  await page.getByTestId('menu-compare').waitFor()
  await screenshots(page, PHONE, 'choosing')
  await page.keyboard.press('Escape')
  await page.getByTestId('choosing-done').click()
  await page.getByTestId('choosing').waitFor({ state: 'detached' })
  const opened = await page.getByTestId('detail').count()
  await page.setViewportSize(DESKTOP)
  return { opened, left: await chosenIds(page) }
}

/** On a phone everything can be reached, and hit. */
async function narrow(page) {
  await page.setViewportSize(PHONE)
  await page.getByTestId('more-open').waitFor()
  const outside = await page.locator('.toolbar button').evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().right > innerWidth).length)
  const low = await page.locator('.toolbar button, .chips button').evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().height < 36).length)
  await page.getByTestId('more-open').click()
  const items = await page.getByTestId('menu').locator('[data-testid^=menu-]').evaluateAll((all) => all.map((one) => one.dataset.testid))
  await screenshots(page, PHONE, 'more')
  await page.keyboard.press('Escape')
  await page.setViewportSize(DESKTOP)
  return { outside, low, items }
}

/** A filter that matches nothing says what it hides, and ends with a click. */
async function nothing(page) {
  await page.getByTestId('filter').fill('host:nowhere.test')
  const all = await page.getByTestId('none').filter({ hasText: 'It hides' }).innerText()
  // the timeline is asked beside the list, and may come after it
  const words = page.getByTestId('timeline').getByText('No flow matches the filter.')
  await words.waitFor()
  const axis = await words.count()
  await screenshots(page, DESKTOP, 'nothing')
  // the answer to the wrong filter has status 400; its address says so
  await page.getByTestId('filter').fill('status:nonsense')
  await page.getByTestId('filter-error').waitFor()
  const wrong = await page.getByTestId('none').innerText()
  await page.getByTestId('filter').fill('host:nowhere.test')
  await page.getByTestId('show-all').click()
  await page.getByTestId('flow-row').first().waitFor()
  return { all, axis, wrong }
}

/** At 1280 pixels a host can be read, and no name of a column is cut; at 1024 the head of a flow is whole. */
async function widths(page) {
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.getByTestId('sort-duration').click()
  await page.locator('[role=columnheader][data-col=duration][aria-sort=descending]').waitFor()
  const cut = await page.locator('[role=row] > .host').evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth).length)
  const arrow = await page.locator('[data-testid=sort-duration]').evaluate((one) => {
    const sign = one.querySelector('i').getBoundingClientRect()
    const [word] = one.querySelectorAll('span')
    return sign.width > 0 && sign.right <= one.getBoundingClientRect().right + 0.5 && word.scrollWidth <= word.clientWidth
  })
  await screenshots(page, { width: 1280 }, 'widths')
  // where little is left for a flow beside the list, its address, its status and its tabs can still be read
  await page.setViewportSize({ width: 1024, height: 800 })
  await open(page, '/n/19')
  await page.getByTestId('tab-connection').waitFor()
  const head = await page.getByTestId('detail').evaluate((detail) => {
    const whole = (one) => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight
    const tab = detail.querySelector('[data-testid=tab-connection]').getBoundingClientRect()
    return { address: whole(detail.querySelector('.title')), status: whole(detail.querySelector('.state')), tabs: tab.right <= innerWidth }
  })
  await screenshots(page, { width: 1024 }, 'widths')
  await page.getByTestId('detail-close').click()
  await page.setViewportSize(DESKTOP)
  return { cut, arrow, head }
}
