// The page by keys alone: where they go, where the focus is, and what a body says about itself.
import { spawn } from 'node:child_process'
import { PHONE, open, row, steps } from './shared.mjs'

await steps({ head, screens, typed, detail, walk, bodies, names, medium })

/** What has the focus, as the place in the page that it is in. */
function focus(page) {
  return page.evaluate(() => {
    const at = document.activeElement
    const place = at?.closest('[data-testid=flow-list], [data-testid=detail], [data-testid=replay], [data-testid=settings], [data-testid=sessions], [data-testid=compare]')
    return place?.dataset.testid ?? at?.dataset.testid ?? at?.tagName
  })
}

/** Waits until the focus is in a place, or on an element. */
function focused(page, id) {
  return page.waitForFunction((id) => document.activeElement?.closest(`[data-testid="${id}"]`) !== null && document.activeElement !== null, id)
}

/** The path of the row that is stood on. */
function stood(page) {
  return page.locator('[data-testid=flow-row][aria-selected=true] .path .text').allInnerTexts()
}

async function stands(page, path) {
  await page.locator('[data-testid=flow-row][aria-selected=true]').filter({ hasText: path }).waitFor()
}

/** After a click on the name of a column, every key does what it did before. */
async function head(page) {
  await row(page, '/first.json').waitFor()
  await page.getByTestId('sort-host').click()
  const seen = { on: await page.evaluate(() => document.activeElement?.dataset.testid) }
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette').waitFor()
  seen.clear = await page.getByTestId('command-session.clear').count()
  await page.keyboard.press('Escape')
  await page.getByTestId('palette').waitFor({ state: 'detached' })
  await page.getByTestId('sort-host').focus()
  await page.keyboard.press('?')
  const sheet = page.getByTestId('keys-sheet')
  await sheet.waitFor()
  seen.told = await sheet.locator('[data-testid^=key-]').evaluateAll((all) => all.map((one) => one.dataset.testid.slice(4)))
  await page.keyboard.press('Escape')
  await sheet.waitFor({ state: 'detached' })
  await page.getByTestId('sort-host').focus()
  await page.keyboard.press('ArrowDown')
  await page.locator('[data-testid=flow-row][aria-selected=true]').waitFor()
  await page.keyboard.press('/')
  await focused(page, 'filter')
  await page.getByTestId('sort-id').click()
  return seen
}

/** Every screen takes the focus, and gives it back: the next key means what it meant. */
async function screens(page) {
  const seen = {}
  for (const [screen, go] of [['replay', 'r'], ['settings', 'Control+,']]) {
    await open(page, '/first.json')
    await page.keyboard.press(go)
    await page.getByTestId(screen).waitFor()
    await focused(page, screen)
    await page.keyboard.press('Escape')
    await page.getByTestId(screen).waitFor({ state: 'detached' })
    await focused(page, 'flow-list')
    await page.keyboard.press('ArrowDown')
    await stands(page, '/second.json')
    seen[screen] = await stood(page)
  }
  for (const screen of ['settings', 'sessions', 'rules', 'scripts']) {
    for (const back of [() => page.keyboard.press('Escape'), () => page.getByTestId(`${screen}-back`).click()]) {
      await page.getByTestId(`${screen}-open`).focus()
      await page.keyboard.press('Enter')
      await focused(page, screen)
      await back()
      await focused(page, `${screen}-open`)
    }
  }
  // what was gone into from another screen leads back to that
  await page.getByTestId('sessions-open').click()
  await page.getByTestId('changes-open').click()
  await focused(page, 'changes')
  await page.keyboard.press('Escape')
  await focused(page, 'sessions')
  await page.keyboard.press('Escape')
  await page.getByTestId('sessions').waitFor({ state: 'detached' })
  // Escape means what is open over the screen first
  await page.getByTestId('rules-open').click()
  await page.getByTestId('rules-text-open').click()
  await page.getByTestId('rules-text').waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('rules-text').waitFor({ state: 'detached' })
  await focused(page, 'rules')
  await page.keyboard.press('Escape')
  await page.getByTestId('rules').waitFor({ state: 'detached' })
  await open(page, '/first.json')
  await row(page, '/second.json').click({ modifiers: ['Control'] })
  await page.keyboard.press('v')
  await focused(page, 'compare')
  await page.getByTestId('compare-count').waitFor()
  const count = () => page.getByTestId('compare-count').innerText()
  await page.getByTestId('compare-count').getByText('5 differences').waitFor()
  seen.count = [await count()]
  await page.getByTestId('compare-next').click()
  seen.count.push(await count())
  await page.keyboard.press('n')
  seen.count.push(await count())
  await page.getByTestId('compare-previous').click()
  seen.count.push(await count())
  await page.keyboard.press('Escape')
  await focused(page, 'flow-list')
  return seen
}

/** What is typed after the key that asks for it goes into the field. */
async function typed(page) {
  await open(page, '/first.json')
  await page.keyboard.press('t')
  await page.getByTestId('tag-dialog').waitFor()
  await page.keyboard.type('by hand')
  await page.keyboard.press('Enter')
  await page.getByTestId('tag-dialog').waitFor({ state: 'detached' })
  await page.getByTestId('detail').getByTestId('annotate-tag').getByText('by hand').waitFor()
  await page.keyboard.press('e')
  await page.getByTestId('export').waitFor()
  const at = await page.evaluate(() => document.activeElement?.dataset.testid ?? document.activeElement?.tagName)
  await page.keyboard.press('Escape')
  await page.getByTestId('export').waitFor({ state: 'detached' })
  return { at }
}

/** From the row into the flow, through its parts, into the body's search, and out again. */
async function detail(page) {
  await row(page, '/first.json').waitFor()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Home')
  await stands(page, '/first.json')
  await page.keyboard.press('Enter')
  await page.getByTestId('story').waitFor()
  const seen = { opened: await focus(page) }
  await page.keyboard.press('Enter')
  await focused(page, 'detail')
  const shown = (key) => page.locator(`[data-testid=tab-${key}][aria-selected=true]`).waitFor()
  await page.keyboard.press('2')
  await shown('request')
  await page.keyboard.press(']')
  await shown('response')
  await page.keyboard.press('[')
  await page.keyboard.press('4')
  await shown('body')
  await page.getByTestId('body-text').getByText('list').waitFor()
  seen.inside = await focus(page)
  await page.keyboard.press('-')
  await page.getByTestId('body-text').getByText('3 lines').first().waitFor()
  await page.keyboard.press('+')
  await page.getByTestId('body-text').getByText('3 lines').first().waitFor({ state: 'detached' })
  await page.keyboard.press('Control+f')
  await focused(page, 'body-search')
  await page.keyboard.type('list')
  await page.getByTestId('body-search-count').getByText('1 of 1').waitFor()
  const field = page.getByTestId('body-search')
  await page.keyboard.press('Escape')
  seen.search = [await field.inputValue(), await field.evaluate((one) => one === document.activeElement)]
  await page.keyboard.press('Escape')
  seen.search.push(await field.evaluate((one) => one === document.activeElement), await focus(page))
  await page.keyboard.press('x')
  await page.locator('[data-testid=body-side-request][aria-checked=true]').waitFor()
  await page.keyboard.press('x')
  await page.keyboard.press('Escape')
  await focused(page, 'flow-list')
  seen.still = await page.getByTestId('detail').count()
  await page.keyboard.press('ArrowRight')
  await focused(page, 'detail')
  await page.keyboard.press('Escape')
  await focused(page, 'flow-list')
  await page.keyboard.press('Escape')
  await page.getByTestId('detail').waitFor({ state: 'detached' })
  return seen
}

/** The view and the word that were chosen for one body hold for the next. */
async function walk(page) {
  await open(page, '/first.json')
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body-view-text').click()
  await page.getByTestId('body-search').fill('same')
  await page.getByTestId('body-search-count').getByText('1 of 1').waitFor()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('ArrowDown')
  await stands(page, '/second.json')
  await page.locator('[data-testid=detail]').getByTestId('body-search-count').getByText('1 of 2').waitFor()
  const seen = {
    view: await page.getByTestId('body-view-text').getAttribute('aria-checked'),
    word: await page.getByTestId('body-search').inputValue(),
  }
  await page.getByTestId('body-search').fill('')
  await page.getByTestId('body-view-json').click()
  await page.getByTestId('body-text').and(page.locator('[role=tree]')).waitFor()
  await page.getByTestId('detail-close').click()
  return seen
}

/** What a body is not all of, and what it is written in. */
async function bodies(page, { curl, origin }) {
  const open_ = spawn('curl', [...curl, `${origin}/open`], { stdio: 'ignore' })
  await row(page, '/open').waitFor()
  const look = async (path) => {
    await open(page, path)
    await page.getByTestId('tab-body').click()
    await page.getByTestId('body-text').locator('[data-line]').first().waitFor()
  }
  const seen = {}
  for (const path of ['/early.json', '/comma.json']) {
    await look(path)
    seen[path] = await page.getByTestId('body-note').innerText()
  }
  for (const path of ['/utf16', '/sjis']) {
    await look(path)
    await page.locator('[data-testid=body-view-text][aria-checked=true]').waitFor()
    seen[path] = (await page.getByTestId('body-text').locator('[data-line] .text').allTextContents()).join('').trim()
  }
  for (const path of ['/cut', '/open']) {
    await look(path)
    seen[path] = await page.getByTestId('body-arrival').innerText()
  }
  await open(page, '/first.json')
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body-text').getByText('list').waitFor()
  seen.whole = (await page.getByTestId('body-arrival').count()) + (await page.getByTestId('body-note').count())
  await page.getByTestId('detail-close').click()
  open_.kill()
  return seen
}

/** A name that was typed for a filter is kept by a click elsewhere; one that was only offered is not. */
async function names(page) {
  const name = page.getByTestId('save-name')
  await page.getByTestId('filter').fill('path:/first.json')
  await row(page, '/second.json').waitFor({ state: 'detached' })
  await page.getByTestId('save-filter').click()
  await name.waitFor()
  await page.getByTestId('status-bar').click()
  await name.waitFor({ state: 'detached' })
  const offered = await page.getByTestId('saved-filter').count()
  await page.getByTestId('save-filter').click()
  await name.fill('the first')
  await page.getByTestId('status-bar').click()
  await name.waitFor({ state: 'detached' })
  const saved = await page.getByTestId('saved-filter').allInnerTexts()
  await page.getByTestId('filter').fill('')
  await row(page, '/second.json').waitFor()
  return { offered, saved }
}

/** Where three panes have no room side by side, the detail is below; a flow that is not there has no parts; a phone no keys. */
async function medium(page) {
  await open(page, '/first.json')
  await page.setViewportSize({ width: 800, height: 700 })
  const seen = {}
  await page.getByTestId('tree').waitFor({ state: 'detached' })
  const [list, one] = await Promise.all(['flow-list', 'detail'].map((id) => page.getByTestId(id).boundingBox()))
  seen.below = one.y >= list.y + list.height && one.width === 800
  const close = await page.getByTestId('detail-close').boundingBox()
  seen.inside = close.x + close.width <= 800
  await page.setViewportSize(PHONE)
  await page.getByTestId('detail-more').click()
  await page.getByTestId('menu').waitFor()
  seen.keys = await page.getByTestId('menu').locator('.keys').first().isVisible()
  seen.related = await page.getByTestId('menu-related').and(page.locator(':disabled')).waitFor().then(() => 'nowhere')
  await page.keyboard.press('Escape')
  await page.evaluate(() => (location.hash = '#/?flow=999999'))
  await page.getByTestId('detail').locator('.gone').waitFor()
  seen.tabs = await page.getByTestId('detail').getByRole('tab').count()
  return seen
}
