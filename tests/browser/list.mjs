// Drives the list and what is around it: columns, menu, filter, tree, timeline, commands.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DESKTOP, PHONE, audit, open, row, rows, screenshots, shows, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({
  columns, sorted, chosen, menu, keyboard, completion, saved, history, tree, timeline, palette, theme, below, related, sessions, many, accessible, clock, devices, pocket, apps, states,
})

/** Chosen, moved and sized by pointer and by keys; kept over a reload. */
async function columns(page) {
  await row(page, '/data.json').waitFor()
  await page.getByTestId('sort-type').click({ button: 'right' })
  await page.getByTestId('menu-column-hide').click()
  await page.getByTestId('sort-type').waitFor({ state: 'detached' })
  await page.getByTestId('sort-host').click({ button: 'right' })
  await page.getByTestId('menu-column-upload').click()
  await page.getByTestId('sort-upload').waitFor()
  // carried by the pointer: the method to before the status
  const [from, to] = await Promise.all(['sort-method', 'sort-status'].map((id) => page.getByTestId(id).boundingBox()))
  await page.mouse.move(from.x + 5, from.y + 5)
  await page.mouse.down()
  await page.mouse.move(to.x + 3, to.y + 5, { steps: 5 })
  await page.mouse.up()
  await page.waitForFunction(() => document.querySelector('[role=columnheader]:nth-child(2)').dataset.col === 'method')
  // by keys: the upload to the left, and wider
  await page.getByTestId('sort-upload').focus()
  await page.keyboard.press('Alt+ArrowLeft')
  const wide = () => page.locator('[role=columnheader][data-col=upload]').evaluate((cell) => cell.getBoundingClientRect().width)
  const before = await wide()
  await page.keyboard.press('Shift+ArrowRight')
  await page.waitForFunction((before) => document.querySelector('[role=columnheader][data-col=upload]').getBoundingClientRect().width > before, before)
  const edge = await page.getByTestId('size-host').boundingBox()
  await page.mouse.move(edge.x + 4, edge.y + 5)
  await page.mouse.down()
  await page.mouse.move(edge.x + 84, edge.y + 5, { steps: 4 })
  await page.mouse.up()
  const host = await page.locator('[role=columnheader][data-col=host]').evaluate((cell) => Math.round(cell.getBoundingClientRect().width))
  await page.reload()
  await row(page, '/data.json').waitFor()
  const kept = await page.locator('[role=columnheader]').evaluateAll((cells) => cells.map((cell) => cell.dataset.col))
  const stays = await page.locator('[role=columnheader][data-col=host]').evaluate((cell) => Math.round(cell.getBoundingClientRect().width))
  await page.getByTestId('size-host').dblclick()
  await page.waitForFunction((host) => Math.round(document.querySelector('[role=columnheader][data-col=host]').getBoundingClientRect().width) !== host, host)
  const fits = await page.locator('[data-testid=flow-row] .host').first().evaluate((cell) => cell.scrollWidth <= cell.clientWidth)
  await page.getByTestId('sort-host').click({ button: 'right' })
  await page.getByTestId('menu-columns-arrange').click()
  await page.getByTestId('columns-reset').click()
  await page.getByTestId('dialog-close').click()
  await page.getByTestId('sort-type').waitFor()
  return { kept, stays: stays === host, fits }
}

/** By size, the largest first, then the smallest; by number again. */
async function sorted(page) {
  const order = async (key, direction) => {
    await page.getByTestId(`sort-${key}`).click()
    await page.locator(`[role=columnheader][data-col=${key}][aria-sort=${direction}]`).waitFor()
    return rows(page)
  }
  const falling = await order('size', 'descending')
  const rising = await order('size', 'ascending')
  const path = await order('path', 'ascending')
  await order('id', 'ascending')
  return { falling, rising, path }
}

/** One, a range with Shift, one less with Ctrl, all. */
async function chosen(page) {
  const ids = () => page.locator('[data-testid=flow-row][aria-selected=true] .path .text').allInnerTexts()
  await row(page, '/n/1').click()
  await page.getByTestId('detail').waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('detail').waitFor({ state: 'detached' })
  await row(page, '/n/4').click({ modifiers: ['Shift'] })
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=flow-row][aria-selected=true]').length === 4)
  await row(page, '/n/2').click({ modifiers: ['Control'] })
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=flow-row][aria-selected=true]').length === 3)
  const some = await ids()
  await page.keyboard.press('Control+a')
  await page.waitForFunction(() => [...document.querySelectorAll('[data-testid=flow-row]')].every((row) => row.ariaSelected === 'true'))
  return { some, all: (await ids()).length }
}

/** The menu of a row: filters, marks, copies, compares. */
async function menu(page, { origin }) {
  await open(page, '/edit')
  await page.keyboard.press('Escape')
  await page.getByTestId('detail').waitFor({ state: 'detached' })
  await row(page, '/edit').locator('[data-col=path]').click({ button: 'right' })
  await page.getByTestId('menu-filter-only').click()
  const only = await shows(page, ['/edit'])
  const filter = await page.getByTestId('filter').inputValue()
  await page.getByTestId('filter').fill('')
  await row(page, '/data.json').waitFor()
  await row(page, '/edit').locator('[data-col=path]').click({ button: 'right' })
  await page.getByTestId('menu-filter-exclude').click()
  await row(page, '/edit').waitFor({ state: 'detached' })
  const rest = await rows(page)
  await page.getByTestId('filter').fill('')
  const one = row(page, '/edit')
  await one.click({ button: 'right' })
  await page.getByTestId('menu-star').click()
  await one.locator('[data-mark=star]').waitFor()
  await one.click({ button: 'right' })
  await page.getByTestId('menu-color').click()
  await page.getByTestId('menu-color-green').click()
  await one.and(page.locator('[data-color=green]')).waitFor()
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await one.click({ button: 'right' })
  await page.getByTestId('menu-copy').click()
  await page.getByTestId('menu-copy-curl').click()
  await page.getByTestId('notice').getByText('Copied').waitFor()
  const curl = await page.evaluate(() => navigator.clipboard.readText())
  await one.click()
  await page.getByTestId('detail').waitFor()
  await row(page, '/data.json').click({ modifiers: ['Control'] })
  await row(page, '/data.json').click({ button: 'right' })
  await page.getByTestId('menu-compare').click()
  await page.waitForURL(/#\/compare\?/)
  await page.goBack()
  await page.getByTestId('flow-list').waitFor()
  return { only, filter, rest, curl, named: curl.includes(`${origin}/edit`) }
}

/** The menu by its key, its letters and arrows; Escape gives the focus back. */
async function keyboard(page) {
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Home')
  await page.locator('[data-testid=flow-row][aria-selected=true]').first().waitFor()
  await page.keyboard.press('Shift+F10')
  await page.getByTestId('menu').waitFor()
  await page.keyboard.press('c')
  await page.keyboard.press('c')
  await page.keyboard.press('ArrowRight')
  await page.getByTestId('menu').nth(1).waitFor()
  const inner = await page.evaluate(() => document.activeElement.dataset.testid)
  await page.keyboard.press('ArrowLeft')
  await page.getByTestId('menu').nth(1).waitFor({ state: 'detached' })
  await page.keyboard.press('Escape')
  await page.getByTestId('menu').waitFor({ state: 'detached' })
  const back = await page.evaluate(() => document.activeElement.dataset.testid)
  await page.keyboard.press('Enter')
  await page.getByTestId('detail').waitFor()
  // the flow was open already, so the key went into it: out of it, then closed
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.getByTestId('detail').waitFor({ state: 'detached' })
  return { inner, back }
}

/** Names of fields, then the values that occur. */
async function completion(page) {
  const box = page.getByTestId('filter')
  await box.pressSequentially('pat')
  await page.getByTestId('suggestion').getByText('path:').waitFor()
  await page.keyboard.press('Tab')
  await page.getByTestId('suggestion').getByText('/data.json').waitFor()
  await box.pressSequentially('/dat')
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=suggestion]').length === 1)
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  const narrowed = await shows(page, ['/data.json'])
  const text = (await box.inputValue()).trim()
  await box.fill('')
  await row(page, '/edit').waitFor()
  return { narrowed, text }
}

/** Saved with a name, there after a reload, forgotten from its menu; common ones are a click. */
async function saved(page) {
  await page.getByTestId('filter').fill('path:/edit')
  await shows(page, ['/edit'])
  await page.getByTestId('save-filter').click()
  await page.getByTestId('save-name').fill('what is edited')
  await page.keyboard.press('Enter')
  await page.getByTestId('saved-filter').waitFor()
  await page.getByTestId('filter').fill('')
  await row(page, '/data.json').waitFor()
  await page.reload()
  await row(page, '/data.json').waitFor()
  await page.getByTestId('saved-filter').getByText('what is edited').click()
  const narrowed = await shows(page, ['/edit'])
  await page.getByTestId('saved-filter').click({ button: 'right' })
  await page.getByTestId('menu-saved-forget').click()
  await page.getByTestId('saved-filter').waitFor({ state: 'detached' })
  await page.getByTestId('filter').fill('')
  await row(page, '/data.json').waitFor()
  await page.getByTestId('chip').getByText('JSON').click()
  const json = await shows(page, ['/data.json'])
  await page.getByTestId('chip').getByText('JSON').click()
  await row(page, '/edit').waitFor()
  return { narrowed, json }
}

/** ↑ brings back what was asked before. */
async function history(page) {
  const box = page.getByTestId('filter')
  for (const filter of ['path:/edit', 'path:/data.json']) {
    await box.fill(filter)
    await shows(page, [filter.slice(5)])
    await page.keyboard.press('Enter')
  }
  await box.fill('')
  await row(page, '/edit').waitFor()
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowUp')
  const before = await shows(page, ['/edit'])
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  await row(page, '/data.json').waitFor()
  return { before, text: await box.inputValue() }
}

/** Opened level by level; a node shows its flows, with Alt another's too. */
async function tree(page) {
  const node = (key) => page.locator(`[data-testid=tree-node][data-key="${key}"]`)
  const first = page.getByTestId('tree-node').first()
  await first.waitFor()
  const label = await first.getAttribute('title')
  await page.getByTestId('tree-toggle').first().click()
  await node('/n/').waitFor()
  await node('/n/').click()
  const below = await shows(page, ['/n/1', '/n/2', '/n/3', '/n/4'])
  await node('/edit').click({ modifiers: ['Alt'] })
  const both = await shows(page, ['/edit', '/n/1', '/n/2', '/n/3', '/n/4'])
  // by keys: into the folder, and its first leaf
  await node('/n/').focus()
  await page.keyboard.press('ArrowRight')
  await node('/n/1').waitFor()
  await page.keyboard.press('ArrowRight')
  await page.waitForFunction(() => document.activeElement.dataset.key?.startsWith('/n/') && document.activeElement.dataset.key !== '/n/')
  await page.getByTestId('filter').fill('')
  await row(page, '/data.json').waitFor()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('b')
  await page.getByTestId('tree').waitFor({ state: 'detached' })
  await page.keyboard.press('b')
  await page.getByTestId('tree').waitFor()
  return { label, below, both }
}

/** A range by dragging and by keys becomes a filter, and is taken back. */
async function timeline(page) {
  const bars = page.getByTestId('timeline-bars')
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=timeline-bars]').dataset.buckets) > 0)
  const all = await rows(page)
  await bars.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('Shift+End')
  await page.keyboard.press('Enter')
  await page.getByTestId('timeline-all').waitFor()
  const keys = await page.getByTestId('filter').inputValue()
  await shows(page, all)
  await page.getByTestId('timeline-all').click()
  await page.waitForFunction(() => document.querySelector('[data-testid=filter]').value === '')
  // the first stretch alone holds the first flow, and not the last one
  const box = await bars.boundingBox()
  const width = box.width / Number(await bars.getAttribute('data-buckets'))
  await page.mouse.move(box.x + 1, box.y + 10)
  await page.mouse.down()
  await page.mouse.move(box.x + width * 1.5, box.y + 10, { steps: 3 })
  await page.getByTestId('timeline-range').waitFor()
  await page.mouse.up()
  await page.waitForFunction(() => document.querySelector('[data-testid=filter]').value.startsWith('started:'))
  await row(page, '/n/4').waitFor({ state: 'detached' })
  const first = (await rows(page))[0]
  await page.getByTestId('timeline-all').click()
  await shows(page, all)
  return { keys, first, last: all.at(-1) }
}

/** Everything by name; all keys on a sheet. */
async function palette(page) {
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette-input').fill('arrange col')
  await page.getByTestId('command-list.columns').waitFor()
  await page.keyboard.press('Enter')
  await page.getByTestId('columns-dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('columns-dialog').waitFor({ state: 'detached' })
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('?')
  await page.getByTestId('keys-sheet').waitFor()
  const keys = await page.locator('[data-testid^=key-]').count()
  const filter = await page.getByTestId('key-filter.focus').innerText()
  await page.keyboard.press('Escape')
  await page.getByTestId('keys-sheet').waitFor({ state: 'detached' })
  return { keys, filter }
}

/** As the system says, or as chosen; the choice stays. */
async function theme(page) {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  await page.emulateMedia({ colorScheme: 'light' })
  const light = await background()
  await page.emulateMedia({ colorScheme: 'dark' })
  const dark = await background()
  await page.getByTestId('view-open').click()
  await page.getByTestId('menu-theme-light').click()
  const chosen = await background()
  await page.reload()
  await row(page, '/edit').waitFor()
  const stays = await background()
  await page.getByTestId('view-open').click()
  await page.getByTestId('menu-theme-system').click()
  await page.emulateMedia({ colorScheme: 'light' })
  return { light, dark, chosen, stays }
}

/** The detail below the list instead of beside it. */
async function below(page) {
  await open(page, '/edit')
  const place = async () => Promise.all(['flow-list', 'detail'].map((id) => page.getByTestId(id).boundingBox()))
  const beside = await place()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('d')
  await page.getByRole('separator', { name: 'Height of the list' }).waitFor()
  const under = await place()
  await page.keyboard.press('d')
  await page.getByRole('separator', { name: 'Width of the list' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('detail').waitFor({ state: 'detached' })
  return { beside: beside[1].x >= beside[0].x + beside[0].width, below: under[1].y >= under[0].y + under[0].height }
}

/** From a flow that was sent again to the first one by its menu, and back by key. */
async function related(page) {
  const id = Number(await row(page, '/edit').getAttribute('data-id'))
  const again = await page.evaluate(async (id) => {
    const flow = await (await fetch(`/api/flows/${id}`)).json()
    const body = JSON.stringify({ flow: id, method: flow.method, url: flow.url, headers: flow.request.headers })
    const answer = await fetch('/api/replay', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    return (await answer.json()).flow
  }, id)
  const one = page.locator(`[data-testid=flow-row][data-id="${again}"]`)
  await one.locator('[data-mark=replay]').waitFor()
  await one.click({ button: 'right' })
  await page.getByTestId('menu-related').click()
  await page.locator(`[data-testid=detail][data-id="${id}"]`).waitFor()
  const first = page.locator(`[data-testid=flow-row][data-id="${id}"]`)
  await first.and(page.locator('[aria-selected=true]')).waitFor()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('o')
  await page.locator(`[data-testid=detail][data-id="${again}"]`).waitFor()
  return { id, again }
}

/** A new session begins empty; the old one is there under its number. */
async function sessions(page, { curl, origin }) {
  await row(page, '/edit').waitFor()
  const old = await page.evaluate(async () => {
    const current = (await (await fetch('/api/sessions')).json()).items.find((session) => session.current)
    await fetch('/api/sessions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'first' }) })
    return current.id
  })
  await row(page, '/edit').waitFor({ state: 'detached' })
  await run('curl', [...curl, `${origin}/second`])
  const current = await shows(page, ['/second'])
  await page.evaluate((id) => (location.hash = `#/?session=${id}`), old)
  await row(page, '/edit').waitFor()
  const first = await rows(page)
  await run('curl', [...curl, `${origin}/third`])
  await page.evaluate(() => (location.hash = '#/'))
  const both = await shows(page, ['/second', '/third'])
  return { first, current, both }
}

/** More rows than fit: to both ends, and what comes meanwhile is counted, not jumped to. */
async function many(page, { curl, origin }) {
  await run('curl', [...curl, '--output', '/dev/null', `${origin}/many/[1-150]`])
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=flow-list]').ariaRowCount) === 157)
  // as soon as the view rests the elements stand in the order of their rows
  await page.getByTestId('flow-row').last().filter({ hasText: '/many/150' }).waitFor()
  const end = (await rows(page)).at(-1)
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Home')
  await row(page, '/data.json').waitFor()
  const start = (await rows(page))[0]
  const drawn = await page.getByTestId('flow-row').count()
  await run('curl', [...curl, `${origin}/later`])
  await page.getByTestId('fresh').getByText('1 new flow').waitFor()
  const still = (await rows(page))[0]
  await page.getByTestId('fresh').click()
  await row(page, '/later').waitFor()
  await page.getByTestId('fresh').waitFor({ state: 'detached' })
  await page.getByTestId('flow-list').hover()
  await page.mouse.wheel(0, -600)
  await row(page, '/later').waitFor({ state: 'detached' })
  await page.mouse.wheel(0, 100_000)
  await row(page, '/later').waitFor()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('Home')
  await row(page, '/data.json').waitFor()
  const [scrolled] = await Promise.all([page.evaluate(scrolledWhileRowsCome, 308), run('curl', [...curl, '--rate', '150/s', '--output', '/dev/null', `${origin}/while/[1-150]`])])
  return { end, start, still, drawn, scrolled }
}

/** Scrolls in every frame until there are so many rows. In how many of them the view was not where it had been scrolled to. */
function scrolledWhileRowsCome(wanted) {
  const grid = document.querySelector('[data-testid=flow-list]')
  const scroller = grid.querySelector('.scroller')
  const seen = { frames: 0, undone: 0 }
  let at = scroller.scrollTop
  return new Promise((done) => {
    const step = () => {
      seen.frames++
      if (Math.abs(scroller.scrollTop - at) > 1) seen.undone++
      if (Number(grid.ariaRowCount) >= wanted) return done(seen)
      scroller.scrollTop = at = 200 + (seen.frames % 20) * 30
      requestAnimationFrame(step)
    }
    step()
  })
}

/** The list, the menus and the dialogs of this part, as assistive technology meets them. */
async function accessible(page) {
  await row(page, '/edit').waitFor()
  await page.getByTestId('tree-toggle').first().click()
  await page.locator('[data-testid=tree-node][data-key="/n/"]').waitFor()
  const broken = { list: await audit(page) }
  await screenshots(page, { width: 1440 }, 'whole')
  await row(page, '/edit').click({ button: 'right' })
  await page.getByTestId('menu').waitFor()
  broken.menu = await audit(page, '[data-testid=menu]')
  await page.keyboard.press('Escape')
  await page.getByTestId('filter').pressSequentially('h')
  await page.getByTestId('suggestion').first().waitFor()
  broken.suggestions = await audit(page, '[role=search]')
  await page.getByTestId('filter').fill('')
  for (const [key, id] of [['Control+k', 'palette'], ['?', 'keys-sheet']]) {
    await page.getByTestId('flow-list').focus()
    await page.keyboard.press(key)
    await page.getByTestId(id).waitFor()
    broken[id] = await audit(page, `[data-testid=${id}]`)
    await page.keyboard.press('Escape')
    await page.getByTestId(id).waitFor({ state: 'detached' })
  }
  await open(page, '/data.json')
  await page.getByTestId('story').waitFor()
  broken.detail = await audit(page, '[data-testid=detail]')
  await page.keyboard.press('Escape')
  await page.setViewportSize(PHONE)
  await row(page, '/edit').waitFor()
  broken.phone = await audit(page)
  await screenshots(page, PHONE, 'whole')
  return broken
}

/** Times that jump by years and go back: shown in the order of the flows, in words, and on the timeline. */
async function clock(page, { origin }) {
  const entry = (path, startedDateTime, more = {}) => ({
    startedDateTime,
    time: 20,
    request: { method: 'GET', url: `${origin}${path}`, httpVersion: 'HTTP/1.1', headers: [], queryString: [], cookies: [], headersSize: -1, bodySize: 0 },
    response: { status: 200, statusText: 'OK', httpVersion: 'HTTP/1.1', headers: [], cookies: [], content: { size: 0, mimeType: 'text/plain' }, redirectURL: '', headersSize: -1, bodySize: 0 },
    cache: {},
    timings: { send: 1, wait: 9, receive: 10 },
    ...more,
  })
  const entries = [
    entry('/now', '2026-11-21T10:00:00Z'),
    entry('/later', '2036-11-21T10:00:00Z'),
    entry('/back', '2026-11-21T09:00:00Z'),
    entry('/long-ago', '1999-12-31T23:59:59Z', { time: 3.2e11, timings: { send: 1, wait: 3.2e11, receive: 1 } }),
    entry('/negative', '2026-11-21T10:00:01Z', { time: -5000, timings: { send: -1, wait: -5000, receive: -1 } }),
  ]
  const session = await page.evaluate(async (har) => {
    const answer = await fetch('/api/import', { method: 'POST', headers: { 'content-type': 'application/json' }, body: har })
    return (await answer.json()).session
  }, JSON.stringify({ log: { version: '1.2', creator: { name: 'test', version: '1' }, entries } }))
  await page.evaluate((id) => (location.hash = `#/?session=${id}`), session)
  const shown = await shows(page, ['/now', '/later', '/back', '/long-ago', '/negative'])
  // not the one of the list before
  await page.getByTestId('timeline').getByText('1999-').waitFor()
  const axis = await page.getByTestId('timeline').locator('.axis span').allInnerTexts()
  const pauses = await page.getByTestId('pause').allInnerTexts()
  const seen = []
  for (const path of shown) {
    await open(page, path)
    await page.getByTestId('tab-overview').click()
    await page.getByTestId('story').waitFor()
    seen.push(await page.locator('body').innerText())
  }
  await page.keyboard.press('Escape')
  await page.getByTestId('sort-time').click()
  await page.locator('[role=columnheader][data-col=time][aria-sort]').waitFor()
  await page.getByTestId('flow-list').focus()
  return { axis, pauses, nonsense: seen.flatMap((text) => text.match(/NaN|Invalid|undefined|-\d+(\.\d+)? (ms|s|min)\b/g) ?? []) }
}

/** Two devices: the tree begins with them; one of them shows its own flows, what is below it too, and both grow as flows come. */
async function devices(page, { origin, address, phone, curl }) {
  const node = (key) => page.locator(`[data-testid=tree-node][data-key="${key}"]`)
  const says = (key) => node(key).getAttribute('title')
  await node(address).waitFor()
  const first = await page.getByTestId('tree-node').evaluateAll((nodes) => nodes.map((one) => [one.getAttribute('aria-level'), one.title.split(',').slice(0, 2).join(',')]))
  await node(address).click()
  const own = await shows(page, ['/from/phone', '/missing'])
  const filter = await page.getByTestId('filter').inputValue()
  await node(address).getByTestId('tree-toggle').click()
  const host = page.locator('[data-testid=tree-node][aria-level="2"]')
  await host.waitFor()
  const below = await host.getAttribute('title')
  await host.getByTestId('tree-toggle').click()
  await node('/from/').waitFor()
  await node('/from/').click()
  const path = await shows(page, ['/from/phone'])
  // what comes while it is open is counted where it belongs, also below
  await page.getByTestId('filter').fill('')
  await row(page, '/data.json').waitFor()
  await run(phone[0], phone.slice(1))
  await page.waitForFunction((key) => document.querySelector(`[data-testid=tree-node][data-key="${key}"]`).title.includes('3 flows'), address)
  await page.waitForFunction(() => document.querySelector('[data-testid=tree-node][data-key="/from/"]').title.includes('2 flows'))
  // what this computer did stands beside it, by program as far as that is known
  // (rows come and go when no pointer is on them)
  await page.getByTestId('flow-list').hover()
  await run('curl', [...curl, `${origin}/from/here`])
  await page.waitForFunction((key) => {
    const others = [...document.querySelectorAll('[data-testid=tree-node][aria-level="1"]')].filter((node) => node.dataset.key !== key)
    return others.reduce((sum, node) => sum + Number(/(\d+) flows?/.exec(node.title)[1]), 0) === 3
  }, address)
  await screenshots(page, DESKTOP, 'devices')
  return { first, own, filter, below, path, phone: await says(address) }
}

/** On a phone, the tree and the timeline are called, and go on counting while they are looked at. */
async function pocket(page, { origin, curl }) {
  await page.setViewportSize(PHONE)
  await row(page, '/n/4').waitFor()
  const view = async (entry) => {
    await page.getByTestId('view-open').click()
    await page.getByTestId(`menu-view-${entry}`).click()
  }
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth)
  await view('timeline')
  const bars = page.getByTestId('timeline-bars')
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=timeline-bars]').dataset.buckets) > 0)
  // as many flows as the bars stand for
  const sum = () => page.evaluate(async () => {
    const timeline = await (await fetch('/api/flows/timeline?buckets=20')).json()
    return timeline.items.reduce((all, one) => all + one.count, 0)
  })
  const drawn = () => bars.locator('path.flows').getAttribute('d')
  const before = { flows: await sum(), bars: await drawn() }
  await run('curl', [...curl, `${origin}/pocket/1`])
  await page.waitForFunction((before) => document.querySelector('[data-testid=timeline-bars] path.flows').getAttribute('d') !== before, before.bars)
  await row(page, '/pocket/1').waitFor()
  const after = await sum()
  const seen = { before: before.flows, after, wide: { timeline: await wide() } }
  await screenshots(page, PHONE, 'timeline')
  // a finger on it chooses what is under it
  await bars.tap({ position: { x: 3, y: 10 } })
  await page.getByTestId('timeline-all').waitFor()
  await row(page, '/pocket/1').waitFor({ state: 'detached' })
  seen.first = (await rows(page))[0]
  await page.getByTestId('timeline-all').tap()
  await row(page, '/pocket/1').waitFor()
  await view('timeline')
  await page.getByTestId('timeline').waitFor({ state: 'detached' })

  await view('tree')
  const tree = page.getByTestId('tree')
  await tree.waitFor()
  const top = page.getByTestId('tree-node').first()
  await top.and(page.locator('[title*="7 flows"]')).waitFor()
  await top.getByTestId('tree-toggle').tap()
  await page.locator('[data-testid=tree-node][data-key="/n/"]').waitFor()
  await run('curl', [...curl, `${origin}/pocket/2`])
  await page.locator('[data-testid=tree-node][title*="8 flows"]').waitFor()
  const folder = page.locator('[data-testid=tree-node][data-key="/pocket/"]')
  await folder.and(page.locator('[title*="2 flows"]')).waitFor()
  seen.wide.tree = await wide()
  seen.broken = await audit(page)
  await screenshots(page, PHONE, 'tree')
  await folder.tap()
  await tree.waitFor({ state: 'detached' })
  seen.chosen = await shows(page, ['/pocket/1', '/pocket/2'])
  await page.getByTestId('filter').fill('')
  await row(page, '/n/4').waitFor()
  await page.setViewportSize(DESKTOP)
  return seen
}

/** What two programs of this computer did, by the tree, by the column and its menu. */
async function apps(page) {
  const node = (key) => page.locator(`[data-testid=tree-node][data-key="${key}"]`)
  await node('app:curl').waitFor()
  const first = await page.getByTestId('tree-node').evaluateAll((nodes) => nodes.map((one) => one.title.split(',').slice(0, 2).join(',')))
  await node('app:curl').click()
  const curl = await shows(page, ['/curl/1', '/curl/2'])
  const filter = await page.getByTestId('filter').inputValue()
  await node('app:curl').getByTestId('tree-toggle').click()
  const host = page.locator('[data-testid=tree-node][aria-level="2"]')
  await host.click()
  await shows(page, ['/curl/1', '/curl/2'])
  const below = await page.getByTestId('filter').inputValue()
  await page.getByTestId('filter').fill('')
  await row(page, '/python').waitFor()
  await page.getByTestId('sort-host').click({ button: 'right' })
  await page.getByTestId('menu-column-app').click()
  await page.locator('[role=columnheader][data-col=app]').waitFor()
  const column = await page.locator('[data-testid=flow-row] [data-col=app]').allInnerTexts()
  await screenshots(page, DESKTOP, 'apps')
  await row(page, '/python').locator('[data-col=app]').click({ button: 'right' })
  await page.getByTestId('menu-filter-exclude').click()
  const rest = await shows(page, ['/curl/1', '/curl/2'])
  await open(page, '/curl/1')
  await page.getByTestId('story').waitFor()
  const fact = await page.getByTestId('detail').locator('dl > div').filter({ hasText: 'App' }).locator('dd').innerText()
  const broken = await audit(page)
  return { first, curl, filter, below, column, rest, fact, broken }
}

/** What the signs of a row say: sent again as it was, sent again modified, passed through, running, failed. */
async function states(page) {
  const marks = (one) => one.locator('[data-mark]').evaluateAll((marks) => marks.map((mark) => [mark.dataset.mark, mark.getAttribute('aria-label')]))
  const first = row(page, '/edit').first()
  await first.click()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('r')
  await page.getByTestId('replay-header').first().waitFor()
  await page.getByTestId('replay-send').click()
  await page.getByTestId('replay-version-1').getByText('200').waitFor()
  const same = Number(await page.getByTestId('replay-result').getAttribute('data-id'))
  await page.getByTestId('replay-header-value').first().fill('changed')
  await page.getByTestId('replay-send').click()
  await page.getByTestId('replay-version-2').getByText('200').waitFor()
  const changed = Number(await page.getByTestId('replay-result').getAttribute('data-id'))
  await page.getByTestId('replay-back').click()
  await page.getByTestId('detail-close').click()
  const at = (id) => page.locator(`[data-testid=flow-row][data-id="${id}"]`)
  await at(changed).locator('[data-mark=modified]').waitFor()
  const raw = page.locator('[data-testid=flow-row]').filter({ hasText: 'raw bytes' })
  const seen = {
    original: Number(await first.getAttribute('data-id')),
    first: await marks(first),
    same: await marks(at(same)),
    changed: await marks(at(changed)),
    raw: await marks(raw),
    running: await row(page, '/never').locator('[data-col=status]').innerText(),
    refused: await row(page, '/refused').locator('[data-col=status]').innerText(),
  }
  await screenshots(page, DESKTOP, 'states')
  seen.broken = await audit(page)
  return seen
}
