// The menus of what stands in bodies and messages: copy it, and find the flows that say the same.
import { audit, DESKTOP, open, row, rows, screenshots, shows, steps } from './shared.mjs'

await steps({ values, selected })

async function values(page) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await row(page, '/socket').waitFor()
  const all = await rows(page)
  const seen = {}
  const lines = page.getByTestId('body-text').locator('[data-line]')

  /** Filters by what is pointed at; the rows that stay, and all of them again. */
  const by = async (name, ask, wanted, item = 'menu-filter-by') => {
    await ask()
    await page.getByTestId(item).click()
    seen[name] = { rows: await shows(page, wanted), filter: await page.getByTestId('filter').inputValue() }
    await page.getByTestId('filter').fill('')
    await shows(page, all)
  }
  const right = (place) => () => place.click({ button: 'right', position: { x: 90, y: 8 } })
  const body = async (path, text) => {
    await open(page, path)
    await page.getByTestId('tab-body').click()
    await lines.filter({ hasText: text }).waitFor()
  }

  await body('/coded', '"token"')
  await right(lines.filter({ hasText: '"token"' }))()
  await page.getByTestId('menu-filter-by').waitFor()
  await screenshots(page, DESKTOP, 'menus')
  seen.broken = await audit(page, '[data-testid=menu]')
  await page.keyboard.press('Escape')
  await by('pair', right(lines.filter({ hasText: '"token"' })), ['/coded', '/pretty'])
  await by('hidden', right(lines.filter({ hasText: '"token"' })), ['/other', '/script', '/text', '/form?23', '/form?13', '/socket'], 'menu-filter-not')
  await by('number', right(lines.filter({ hasText: '"n"' })), ['/coded'])
  // by keys: from the beginning down to the first of the list
  await page.getByTestId('body-text').focus()
  for (const [at, key] of ['Home', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown'].entries()) {
    await page.keyboard.press(key)
    await page.locator(`[data-testid=body-text][aria-activedescendant=line-${at}]`).waitFor()
  }
  await page.keyboard.press('Shift+F10')
  await page.getByTestId('menu-copy-value').click()
  await page.getByText('Copied.').waitFor()
  seen.copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))
  await by('element', right(lines.filter({ hasText: '"first"' })), ['/coded'])

  await body('/text', 'gamma')
  await by('line', right(lines.filter({ hasText: 'gamma' })), ['/text'])
  await body('/script', 'return')
  await by('formatted', right(lines.filter({ hasText: 'return b === 1' })), ['/script'])

  await open(page, '/form?23')
  await page.getByTestId('tab-body').click()
  await by('field', right(page.getByTestId('body-form').getByRole('row', { name: 'Jörg Mann' })), ['/form?23'])

  await open(page, '/socket')
  await page.getByTestId('tab-messages').click()
  const message = page.getByTestId('message').and(page.locator('[data-side=request]')).filter({ hasText: 'hello' })
  await by('message', right(message), ['/socket'])
  await message.click()
  const inside = page.getByTestId('message-detail').getByTestId('body-text').locator('[data-line]').first()
  await by('within', right(inside), ['/socket'])
  await page.getByTestId('detail-close').click()
  return seen
}

/** Who selected a text gets the browser's own menu; a word that the system selects for the menu, as macOS does, is no such text. */
async function selected(page) {
  await open(page, '/coded')
  await page.getByTestId('tab-body').click()
  const line = page.getByTestId('body-text').locator('[data-line]').filter({ hasText: '"token"' })
  await line.waitFor()
  await page.evaluate(() =>
    addEventListener(
      'contextmenu',
      (event) => {
        const words = getSelection()
        const at = document.caretPositionFromPoint(event.clientX, event.clientY)
        if (!words.isCollapsed || at === null) return
        words.collapse(at.offsetNode, at.offset)
        words.modify('move', 'backward', 'word')
        words.modify('extend', 'forward', 'word')
        globalThis.word = String(words)
      },
      true,
    ),
  )
  await line.click({ button: 'right', position: { x: 90, y: 8 } })
  await page.getByTestId('menu-copy-value').waitFor()
  const seen = { word: await page.evaluate(() => globalThis.word), left: await page.evaluate(() => String(getSelection())) }
  await page.keyboard.press('Escape')
  await page.getByTestId('menu').waitFor({ state: 'detached' })
  await line.dblclick({ position: { x: 90, y: 8 } })
  seen.chosen = await page.evaluate(() => String(getSelection()))
  await line.click({ button: 'right', position: { x: 90, y: 8 } })
  seen.menus = await page.evaluate(async () => {
    for (let n = 0; n < 3; n++) await new Promise((drawn) => requestAnimationFrame(drawn))
    return document.querySelectorAll('[data-testid=menu]').length
  })
  return seen
}
