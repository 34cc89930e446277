// The list and its frame as hands, keys and screen readers meet them.
import { gzipSync } from 'node:zlib'
import { DESKTOP, PHONE, audit, open, row, rows, screenshots, shows, steps } from './shared.mjs'

await steps({ keys, hasty, elsewhere, caret, same, roles, borders, said, colours, statuses, facts, weight })

function chosen(page) {
  return page.locator('[data-testid=flow-row][aria-selected=true] .path .text').allInnerTexts()
}

function chooses(page, many) {
  return page.waitForFunction((many) => document.querySelectorAll('[data-testid=flow-row][aria-selected=true]').length === many, many)
}

/** The paths of what a filter matches, as the API says, in the order of the list. */
function matching(page, filter) {
  return page.evaluate(async (filter) => (await (await fetch(`/api/flows?order=asc&filter=${encodeURIComponent(filter)}`)).json()).items.map((flow) => flow.path), filter)
}

/** A range by Shift and the arrows, in either direction; single rows by Ctrl and Space. */
async function keys(page) {
  await row(page, '/n/4').waitFor()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Home')
  await chooses(page, 1)
  await page.keyboard.press('ArrowDown')
  await page.locator('[data-testid=flow-row][aria-selected=true]').filter({ hasText: '/edit' }).waitFor()
  for (let n = 0; n < 3; n++) await page.keyboard.press('Shift+ArrowDown')
  await chooses(page, 4)
  const seen = { down: await chosen(page) }
  await page.keyboard.press('Shift+ArrowUp')
  await chooses(page, 3)
  seen.less = await chosen(page)
  for (let n = 0; n < 3; n++) await page.keyboard.press('Shift+ArrowUp')
  await chooses(page, 2)
  seen.up = await chosen(page)
  await page.keyboard.press('Shift+End')
  await chooses(page, 5)
  // the place moves without choosing, Space chooses and takes it back
  await page.keyboard.press('Home')
  await chooses(page, 1)
  await page.keyboard.press('Control+ArrowDown')
  await page.keyboard.press('Control+ArrowDown')
  seen.stood = await chosen(page)
  await page.keyboard.press(' ')
  await chooses(page, 2)
  seen.space = await chosen(page)
  await page.keyboard.press(' ')
  await chooses(page, 1)
  seen.again = await chosen(page)
  return seen
}

/** A row is clicked before the filter that was just typed has gone to the server. */
async function hasty(page) {
  await row(page, '/edit').waitFor()
  await page.evaluate(() => {
    const box = document.querySelector('[data-testid=filter]')
    box.focus()
    box.value = 'path:"/n/"'
    box.dispatchEvent(new InputEvent('input', { bubbles: true }))
    const rows = [...document.querySelectorAll('[data-testid=flow-row]')]
    rows.find((row) => row.textContent.includes('/n/2')).querySelector('.path').click()
  })
  await page.getByTestId('detail').waitFor()
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=flow-row]').length === 4).catch(() => {})
  const seen = { filter: await page.getByTestId('filter').inputValue(), rows: await rows(page) }
  await page.getByTestId('detail-close').click()
  await page.getByTestId('filter').fill('')
  await row(page, '/edit').waitFor()
  return seen
}

/** Somebody goes to another flow while a deleted one is brought back: they stay there. */
async function elsewhere(page) {
  await open(page, '/n/1')
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Delete')
  await row(page, '/n/1').waitFor({ state: 'detached' })
  let gone
  const went = new Promise((done) => (gone = done))
  await page.route('**/api/flows/undelete', async (route) => {
    const response = await route.fetch()
    await went
    await route.fulfill({ response })
  })
  await page.getByTestId('undo').click()
  await row(page, '/n/1').waitFor()
  await open(page, '/n/4')
  gone()
  await page.getByTestId('notice').getByText('1 flow brought back.').waitFor()
  await page.unroute('**/api/flows/undelete')
  // what it would do now it has done when the next answers are here
  await page.evaluate(() => fetch('/api/flows').then((answer) => answer.json()))
  await page.evaluate(() => new Promise((drawn) => setTimeout(() => requestAnimationFrame(drawn), 300)))
  const seen = { open: await page.getByTestId('detail').locator('.url').innerText(), chosen: await chosen(page) }
  await page.getByTestId('detail-close').click()
  return seen
}

/** What is wrong with a filter is marked where it stands, in the box and in the words below. */
async function caret(page) {
  const box = page.getByTestId('filter')
  const seen = []
  for (const [text, wrong] of [['path:/n status:nonsense method:GET', 'nonsense'], ['path:"/ü 🙂" size:many', 'many'], ['method:GET )', ')']]) {
    await box.fill(text)
    await page.getByTestId('filter-error').waitFor()
    // until the answer to this text is there, what is marked is what was wrong with the one before
    await page.waitForFunction(
      ([text, wrong]) => {
        const pre = document.querySelector('[data-testid=filter-error] pre')
        return pre?.textContent.trimEnd() === text && pre.querySelector('mark').textContent === wrong
      },
      [text, wrong],
    )
    seen.push(
      await page.evaluate(() => {
        const input = document.querySelector('[data-testid=filter]')
        const line = input.parentElement.querySelector('.marks mark')
        const pen = document.createElement('canvas').getContext('2d')
        const style = getComputedStyle(input)
        pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`
        const before = line.previousSibling?.textContent ?? ''
        const error = document.querySelector('[data-testid=filter-error]')
        return {
          wrong: line.textContent,
          below: error.querySelector('mark').textContent,
          words: error.lastChild.textContent.trim(),
          // pixels between the mark and the letters of the field that it means
          off: Math.abs(line.getBoundingClientRect().left - input.getBoundingClientRect().left - pen.measureText(before).width),
          described: document.getElementById(input.getAttribute('aria-describedby')) === error && input.getAttribute('aria-invalid'),
        }
      }),
    )
  }
  await screenshots(page, DESKTOP, 'caret')
  await box.fill('')
  await page.getByTestId('filter-error').waitFor({ state: 'detached' })
  await page.waitForFunction(() => !location.hash.includes('filter'))
  return seen
}

/** Every value of a row as a filter, with the same and without it, from the menu's two lists. */
async function same(page) {
  const seen = {}
  for (const [list, id, path] of [['filter-by', 'by-method', '/data.json'], ['filter-by', 'by-type', '/data.json'], ['filter-out', 'not-method', '/data.json'], ['filter-out', 'not-path', '/n/3'], ['filter-by', 'by-client', '/edit']]) {
    await row(page, path).click({ button: 'right' })
    await page.getByTestId(`menu-${list}`).click()
    await page.getByTestId(`menu-${id}`).waitFor()
    if (id === 'by-client') seen.offered = await page.getByTestId('menu').nth(1).locator('[data-testid^=menu-]').evaluateAll((all) => all.map((one) => one.dataset.testid.slice(8)))
    await page.getByTestId(`menu-${id}`).click()
    await page.waitForFunction(() => document.querySelector('[data-testid=filter]').value !== '')
    const filter = await page.getByTestId('filter').inputValue()
    const found = await matching(page, filter)
    seen[id] = { filter, rows: await shows(page, found) }
    await page.getByTestId('filter').fill('')
    await shows(page, ['/data.json', '/edit', '/n/1', '/n/2', '/n/3', '/n/4'])
  }
  return seen
}

/** The list as a screen reader is told of it. */
async function roles(page) {
  await row(page, '/n/4').waitFor()
  const grid = page.getByRole('grid', { name: 'Flows' })
  const facts = () =>
    grid.evaluate((grid) => ({
      counts: [grid.ariaRowCount, grid.ariaColCount, grid.ariaMultiSelectable],
      rows: [...grid.querySelectorAll('[role=row]')].map((row) => Number(row.ariaRowIndex)).sort((a, b) => a - b),
      cells: [...grid.querySelectorAll('[data-testid=flow-row]')].map((row) => row.querySelectorAll('[role=gridcell][data-col]').length),
      heads: [...grid.querySelectorAll('[role=columnheader]')].map((head) => [head.ariaLabel, head.ariaSort]),
      active: document.getElementById(grid.getAttribute('aria-activedescendant') ?? '')?.ariaSelected ?? null,
    }))
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Home')
  await chooses(page, 1)
  const seen = { first: await facts() }
  await page.getByTestId('sort-path').click()
  await page.locator('[role=columnheader][data-col=path][aria-sort=ascending]').waitFor()
  seen.sorted = await facts()
  await page.getByTestId('sort-id').click()
  await page.locator('[role=columnheader][data-col=id][aria-sort=ascending]').waitFor()
  // as the browser's own tree for assistive technology has it
  const client = await page.context().newCDPSession(page)
  const { nodes } = await client.send('Accessibility.getFullAXTree')
  const of = (role) => nodes.filter((node) => node.role?.value === role && !node.ignored).map((node) => node.name?.value ?? '')
  seen.tree = { grid: of('grid'), rows: of('row').length, heads: of('columnheader'), cells: of('gridcell').length }
  await client.detach()
  return seen
}

/** Where a border was put, by pointer and by keys, it is after a reload. */
async function borders(page) {
  await open(page, '/edit')
  const bars = {
    tree: page.getByRole('separator', { name: 'Width of the tree' }),
    across: page.getByRole('separator', { name: 'Width of the list' }),
    down: page.getByRole('separator', { name: 'Height of the list' }),
  }
  const drag = async (bar, x, y) => {
    const box = await bar.boundingBox()
    const [left, top] = [box.x + box.width / 2, box.y + box.height / 2]
    await page.mouse.move(left, top)
    await page.mouse.down()
    await page.mouse.move(left + x, top + y, { steps: 4 })
    await page.mouse.up()
  }
  const place = async (bar) => {
    const box = await bar.boundingBox()
    return [Math.round(box.x), Math.round(box.y), Number(await bar.getAttribute('aria-valuenow'))]
  }
  const seen = { before: {}, put: {}, after: {} }
  seen.before = { tree: await place(bars.tree), across: await place(bars.across) }
  await drag(bars.tree, 60, 0)
  await bars.tree.focus()
  await page.keyboard.press('ArrowRight')
  await drag(bars.across, -120, 0)
  await bars.across.focus()
  await page.keyboard.press('ArrowLeft')
  seen.put = { tree: await place(bars.tree), across: await place(bars.across) }
  const below = async () => {
    await page.getByTestId('view-open').click()
    await page.getByTestId('menu-view-below').click()
  }
  await below()
  await bars.down.waitFor()
  seen.before.down = await place(bars.down)
  await drag(bars.down, 0, 90)
  seen.put.down = await place(bars.down)
  await page.reload()
  await bars.down.waitFor()
  seen.after.down = await place(bars.down)
  await below()
  await bars.across.waitFor()
  seen.after.tree = await place(bars.tree)
  seen.after.across = await place(bars.across)
  // a double click is as it was
  await bars.across.dblclick()
  seen.reset = Number(await bars.across.getAttribute('aria-valuenow'))
  await page.getByTestId('detail-close').click()
  return seen
}

/** What is said for a moment covers nothing, and long words stay within their cells. */
async function said(page, { session }) {
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await row(page, '/edit').click({ button: 'right' })
  await page.getByTestId('menu-copy').click()
  await page.getByTestId('menu-copy-url').click()
  const notice = page.getByTestId('notice')
  await notice.getByText('URL copied.').waitFor()
  const covers = await page.evaluate(() => {
    const box = (element) => element.getBoundingClientRect()
    const meets = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
    const one = box(document.querySelector('[data-testid=notice]'))
    return [...document.querySelectorAll('[data-testid=flow-list], [data-testid=tree], [data-testid=detail], [data-testid=status-bar], header.top')].filter((other) => meets(one, box(other))).map((other) => other.dataset.testid ?? other.className)
  })
  await screenshots(page, { width: 1280 }, 'notice')
  // rows with a long word for their status
  const long = await page.locator('[data-testid=flow-row] > .status').evaluateAll((cells) =>
    cells.map((cell) => {
      const [outer, word] = [cell.getBoundingClientRect(), cell.querySelector('.word').getBoundingClientRect()]
      return { text: cell.innerText.trim(), title: cell.title, within: word.right <= outer.right + 0.5, whole: cell.querySelector('.word').scrollWidth <= cell.querySelector('.word').clientWidth + 1 }
    }),
  )
  await page.evaluate((session) => (location.hash = `#/?session=${session}`), session)
  await row(page, '/late').waitFor()
  await screenshots(page, { width: 1280 }, 'pause')
  // the pause between two rows stands between their letters
  const pause = await page.getByTestId('pause').first().evaluate((pause) => {
    const label = pause.querySelector('b').getBoundingClientRect()
    const row = pause.closest('[role=row]')
    const others = [row, ...document.querySelectorAll('[data-testid=flow-row]')].flatMap((one) => [...one.querySelectorAll('[data-col]')])
    const meets = others.filter((cell) => {
      const range = document.createRange()
      range.selectNodeContents(cell)
      return [...range.getClientRects()].some((box) => {
        // letters take the middle of a line
        const [top, bottom] = [box.top + box.height * 0.3, box.bottom - box.height * 0.3]
        return box.width > 0 && label.left < box.right && box.left < label.right && label.top < bottom && top < label.bottom
      })
    })
    return { text: pause.innerText, over: meets.map((cell) => cell.textContent) }
  })
  await page.setViewportSize(DESKTOP)
  return { covers, long, pause }
}

/** Which colours what became of a flow, and what it is, has. */
async function colours(page) {
  await row(page, '/text').waitFor()
  await page.mouse.move(5, 5)
  const seen = {}
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    seen[colorScheme] = await page.locator('[data-testid=flow-row]').evaluateAll((rows) =>
      Object.fromEntries(
        rows.map((row) => [
          row.querySelector('.path .text').textContent,
          ['status', 'type'].map((column) => getComputedStyle(row.querySelector(`[data-col=${column}]`)).color),
        ]),
      ),
    )
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await screenshots(page, DESKTOP, 'colours')
  return { ...seen, broken: await audit(page, '[data-testid=flow-list]') }
}

/** What of a status is seen: its code and its words, each whole, in part or not, in the usual width and in others. */
async function statuses(page) {
  const seen = () =>
    page.locator('[data-testid=flow-row]').evaluateAll((rows) =>
      Object.fromEntries(
        rows.map((row) => {
          const word = row.querySelector('[data-col=status] .word')
          const inside = word.getBoundingClientRect()
          const of = (node) => {
            const range = document.createRange()
            range.selectNodeContents(node)
            const box = range.getBoundingClientRect()
            const middle = (box.top + box.bottom) / 2
            if (middle < inside.top || middle > inside.bottom || box.left >= inside.right) return 'none'
            return box.right <= inside.right + 0.5 ? 'whole' : 'part'
          }
          return [row.querySelector('.path .text').textContent, { text: word.innerText, title: word.parentElement.title, code: of(word.firstChild), words: of(word.querySelector('.words')) }]
        }),
      ),
    )
  // what is wider than its cell there without being clipped
  const sticking = []
  const cells = async (where) => {
    const out = await page.locator('[data-testid=flow-row] > [data-col]:not(.cut)').evaluateAll((cells) =>
      cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 0.5).map((cell) => `${cell.dataset.col}: ${cell.innerText}`),
    )
    sticking.push(...out.map((cell) => `${where}: ${cell}`))
    return page.locator('[data-testid=flow-row] > [data-col].cut').count()
  }
  const wide = () => page.locator('[role=columnheader][data-col=status]').evaluate((cell) => Math.round(cell.getBoundingClientRect().width))
  const all = {}
  await page.setViewportSize({ width: 1280, height: 800 })
  all.usual = await seen()
  const clipped = { usual: await cells('usual') }
  await screenshots(page, { width: 1280 }, 'statuses')
  await page.setViewportSize({ width: 1920, height: 900 })
  const before = await wide()
  all.roomy = await seen()
  clipped.roomy = await cells('roomy')
  await screenshots(page, { width: 1920 }, 'statuses')
  await page.setViewportSize({ width: 1280, height: 800 })
  const edge = await page.getByTestId('size-status').boundingBox()
  await page.mouse.move(edge.x + 4, edge.y + 5)
  await page.mouse.down()
  await page.mouse.move(edge.x - 60, edge.y + 5, { steps: 4 })
  await page.mouse.up()
  all.narrow = await seen()
  clipped.narrow = await cells('narrow')
  const narrow = await wide()
  await page.getByTestId('size-status').dblclick()
  await page.waitForFunction((narrow) => document.querySelector('[role=columnheader][data-col=status]').getBoundingClientRect().width > narrow + 20, narrow)
  all.fitted = await seen()
  await page.getByTestId('sort-status').click({ button: 'right' })
  await page.getByTestId('menu-columns-reset').click()
  await page.setViewportSize(PHONE)
  all.phone = await seen()
  clipped.phone = await cells('phone')
  await page.setViewportSize(DESKTOP)
  return { ...all, widths: [narrow, before], sticking, clipped }
}

/** The facts of a flow and of its connection lead to the flows that have the same. */
async function facts(page) {
  const seen = {}
  for (const [tab, name] of [['overview', 'URL'], ['overview', 'Client'], ['overview', 'Type'], ['connection', 'Number'], ['connection', 'Server']]) {
    await open(page, '/json')
    await page.getByTestId(`tab-${tab}`).click()
    const fact = page.getByTestId('detail').locator('dl > div').filter({ has: page.locator('dt').getByText(name, { exact: true }) })
    await fact.first().click({ button: 'right' })
    await page.getByTestId('menu-filter-by').click()
    await page.waitForFunction(() => document.querySelector('[data-testid=filter]').value !== '')
    const filter = await page.getByTestId('filter').inputValue()
    seen[name] = { filter, rows: await shows(page, await matching(page, filter)) }
    await page.getByTestId('filter').fill('')
    await page.waitForFunction(() => !location.hash.includes('filter'))
    await page.getByTestId('detail-close').click()
  }
  return seen
}

/** What the page loads before it shows its first list, squeezed as a server would. */
async function weight(page) {
  await page.reload()
  await row(page, '/text').waitFor()
  const all = await page.evaluate(() => [location.href, ...performance.getEntriesByType('resource').map((one) => one.name)].filter((name) => new URL(name).pathname === '/' || /\.(js|css)$/.test(name)))
  let size = 0
  for (const name of new Set(all)) size += gzipSync(await page.evaluate(async (name) => (await fetch(name)).text(), name)).length
  return { files: all.length, size }
}
