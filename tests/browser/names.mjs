// Names in every script, and what stands beside them.
import { DESKTOP, open, PHONE, row, screenshots, steps } from './shared.mjs'

/** As in the test: the end of what was recorded. */
const END = 'ʘ'
const PATH = '/مرحبا/\u202egnp.exeʘ'

await steps({ shown, session })

/**
 * The page's own words that are drawn from right to left: texts without a character that would do so, and what follows the end
 * of something recorded.
 */
function turned(page) {
  return page.evaluate((end) => {
    const strange = /[\p{Bidi_Control}\p{Script=Hebrew}\p{Script=Arabic}]/u
    const found = []
    let looked = 0
    const range = document.createRange()
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const text = node.data
      const from = text.lastIndexOf(end) + 1
      // a part of a recorded text that is marked in it turns with it
      const whole = node.parentElement.closest('mark')?.parentElement.textContent ?? text
      if ((from === 0 && strange.test(whole)) || !node.parentElement.checkVisibility({ visibilityProperty: true })) continue
      let last = null
      for (let at = from; at < Math.min(text.length, from + 200); at++) {
        if (!/[A-Za-z0-9]/.test(text[at])) continue
        range.setStart(node, at)
        range.setEnd(node, at + 1)
        const box = range.getBoundingClientRect()
        if (box.width === 0) continue
        looked++
        if (last && Math.abs(box.top - last.top) < 2 && box.left < last.left - 0.1) {
          found.push(text)
          break
        }
        last = box
      }
    }
    return looked > 50 ? found : [`only ${looked} characters were looked at`]
  }, END)
}

async function shown(page) {
  const seen = { turned: {} }
  const look = async (place) => (seen.turned[place] = await turned(page))
  // every column that can hold what a person or a server wrote
  for (const column of ['tags', 'comment']) {
    await page.getByTestId('sort-host').click({ button: 'right' })
    await page.getByTestId(`menu-column-${column}`).click()
    await page.locator(`[role=columnheader][data-col=${column}]`).waitFor()
  }
  const one = row(page, PATH)
  await one.waitFor()
  seen.path = await one.locator('.path .text').textContent()
  seen.host = await one.locator('.host').evaluate((cell) => cell.lastChild.textContent)
  seen.hint = await one.locator('.host').getAttribute('title')
  // a Cyrillic letter among Latin ones is somebody's disguise
  const mixed = (await row(page, '/disguised').locator('.host').evaluate((cell) => cell.lastChild.textContent)).replace(/:\d+$/, '')
  seen.mixed = mixed
  seen.comment = await one.locator('[data-col=comment]').textContent()
  await page.getByTestId('tree-toggle').first().click()
  await page.locator('[data-testid=tree-node][data-key="/مرحبا/"]').getByTestId('tree-toggle').click()
  await page.locator(`[data-testid=tree-node][data-key="${PATH}"]`).waitFor()
  await look('list')
  await screenshots(page, DESKTOP, 'names')
  await one.locator('[data-col=path]').click({ button: 'right' })
  await page.getByTestId('menu-filter-by').click()
  await page.getByTestId('menu').nth(1).waitFor()
  await look('menu')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.getByTestId('menu').first().waitFor({ state: 'detached' })
  await page.getByTestId('filter').pressSequentially('pat')
  await page.getByTestId('suggestion').getByText('path:').waitFor()
  await page.keyboard.press('Tab')
  await page.getByTestId('suggestion').getByText('gnp').waitFor()
  await look('suggestions')
  await page.keyboard.press('Escape')
  await page.getByTestId('filter').fill(`path:"${PATH}"`)
  await row(page, '/other').waitFor({ state: 'detached' })
  await one.waitFor()
  seen.found = await page.getByTestId('flow-row').count()
  await page.getByTestId('filter').fill('')
  await row(page, '/other').waitFor()

  await open(page, PATH)
  await page.getByTestId('story').waitFor()
  seen.tags = await page.getByTestId('annotate-tag').evaluateAll((tags) => tags.map((tag) => tag.firstChild.textContent))
  await look('overview')
  await page.getByTestId('tab-request').click()
  const head = page.getByTestId('head-request')
  await head.getByText('X-Turned').first().waitFor()
  seen.fields = await head.locator('dl > div').evaluateAll((lines) => lines.map((line) => [...line.children].map((part) => part.textContent)))
  await look('request')
  await screenshots(page, DESKTOP, 'names-head')
  await page.getByTestId('tab-body').click()
  const text = page.getByTestId('body-text')
  await text.getByText('turned').waitFor()
  seen.lines = (await text.locator('[data-line] .text').allTextContents()).map((line) => line.trim())
  // the name, then its value
  seen.order = await text.locator('[data-line="1"]').evaluate((line) => {
    const [name, value] = ['.key', '.string'].map((part) => line.querySelector(part).getBoundingClientRect())
    return name.right <= value.left
  })
  await look('body')
  await page.getByTestId('body-search').fill('turn')
  await text.locator('mark').first().waitFor()
  await look('search')
  await screenshots(page, DESKTOP, 'names-body')
  await page.keyboard.press('Escape')

  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('r')
  await page.getByTestId('replay-header').first().waitFor()
  await look('editor')
  await page.getByTestId('replay-edit-raw').click()
  await page.getByTestId('replay-raw').getByText('X-Turned').waitFor()
  await look('raw')
  await page.getByTestId('replay-back').click()
  await page.getByTestId('detail-close').click()

  await row(page, '/other').click({ modifiers: ['Control'] })
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('v')
  await page.locator('[data-testid=compare][data-ready]').waitFor()
  await page.getByTestId('compare-request-line').waitFor()
  await look('compare')
  await page.getByTestId('compare-back').click()

  await page.setViewportSize(PHONE)
  await one.waitFor()
  await look('phone')
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'names')
  await page.setViewportSize(DESKTOP)
  return seen
}

/** A session's name, in the list of sessions and in the sentence that says which one is looked at. */
async function session(page) {
  const name = '\u202eשםʘ'
  await page.evaluate((name) => fetch('/api/sessions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name }) }), name)
  await row(page, '/other').waitFor({ state: 'detached' })
  await page.getByTestId('sessions-open').click()
  const one = page.getByTestId('session').filter({ hasText: name })
  await one.waitFor()
  const named = await one.locator('b').first().textContent()
  const sessions = await turned(page)
  await one.getByTestId('session-open').click()
  await page.getByTestId('session-banner').waitFor()
  await row(page, '/other').waitFor()
  const seen = { named, turned: { sessions, banner: await turned(page) } }
  await screenshots(page, DESKTOP, 'names-session')
  return seen
}
