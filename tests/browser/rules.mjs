// What rules did to a flow, in the list and in its overview; rules that are made, ordered, switched, taken in and out in the page.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { audit, DESKTOP, eventually, open, PHONE, row, save as saveFile, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ changed, beside, empty, made, wrong, menus, ordered, switched, deleted, doubled, texts, file, narrow, tight })

async function curl(input, path, ...rest) {
  return (await run('curl', [...input.curl, ...rest, `${input.origin}${path}`])).stdout
}

/** One header field of an answer. */
function field(input, path, name) {
  return curl(input, path, '-o', '/dev/null', '-w', `%header{${name}}`)
}

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

/** Before and after stand side by side, with who did it; a rule's name leads to it. */
async function beside(page) {
  await open(page, '/json')
  await page.getByTestId('show-changes').click()
  const part = (name) => page.getByTestId(`changes-${name}`)
  await part('response-body').and(page.locator('[data-as=json]')).waitFor()
  const line = (await part('request-line').locator('.start').allInnerTexts()).map((text) => text.trim())
  const differ = (name) => part(name).locator('tr[data-differs]').evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.innerText)))
  const fields = { request: await differ('request-fields'), response: await differ('response-fields') }
  const body = await part('response-body').locator('tr[data-path]').evaluateAll((rows) => rows.map((row) => [row.dataset.path, ...[...row.children].slice(1).map((cell) => cell.innerText)]))
  const did = await page.getByTestId('changes').locator('li').allInnerTexts()
  const broken = { wide: await audit(page, '[data-testid=detail]') }
  await screenshots(page, DESKTOP, 'changes')
  await page.setViewportSize(PHONE)
  await part('response-body').waitFor()
  broken.phone = await audit(page, '[data-testid=detail]')
  await screenshots(page, PHONE, 'changes')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('changes-rule').last().click()
  await page.getByTestId('rule-editor').waitFor()
  const rule = await page.getByTestId('rule-name').inputValue()
  return { line, fields, body, did, rule, broken }
}

/** Waits until the rules stand in this order. */
function stand(page, wanted) {
  return page.waitForFunction((wanted) => JSON.stringify([...document.querySelectorAll('[data-testid=rule] b')].map((name) => name.textContent)) === wanted, JSON.stringify(wanted))
}

/** Waits for what the API says to be so: what is dragged is seen before it is kept. */
function kept(page, wanted) {
  return eventually(page, async (wanted) => JSON.stringify((await (await fetch('/api/rules')).json()).items.map((rule) => rule.name)) === wanted, JSON.stringify(wanted))
}

function rule(page, name) {
  return page.getByTestId('rule').filter({ has: page.locator('b', { hasText: new RegExp(`^${name}$`) }) })
}

async function show(page) {
  if ((await page.getByTestId('rules').count()) === 0) await page.getByTestId('rules-open').click()
  await page.getByTestId('rules').waitFor()
}

async function back(page) {
  await page.getByTestId('rules-back').click()
  await page.getByTestId('rules').waitFor({ state: 'detached' })
}

async function add(page, heading, kind) {
  await page.getByTestId('action-add').click()
  await page.getByTestId(`menu-heading-${heading}`).click()
  await page.getByTestId(`menu-do-${kind}`).click()
  return page.locator(`[data-testid=action][data-do=${kind}]`).last()
}

async function save(page) {
  await page.getByTestId('rule-save').click()
  await page.locator('[data-testid=rule-editor]:not([data-changed])').waitFor()
}

async function closeEditor(page) {
  await page.getByTestId('rule-close').click()
  await page.getByTestId('rule-editor').waitFor({ state: 'detached' })
}

/** Without rules the screen says what they are, and has beginnings. */
async function empty(page) {
  await show(page)
  await page.getByTestId('rules-empty').waitFor()
  const broken = { empty: await audit(page) }
  await screenshots(page, DESKTOP, 'rules-empty')
  const starts = await page.locator('[data-testid^=start-] b').allInnerTexts()
  await page.getByTestId('start-throttle').click()
  const profile = await page.getByTestId('action-profile').inputValue()
  await page.getByTestId('rule-revert').click()
  await page.getByTestId('rules-empty').waitFor()
  await back(page)
  return { starts, profile, broken }
}

/** A rule is made; while it is written it is said what it would have matched. */
async function made(page, input) {
  const before = await field(input, '/data', 'x-made')
  await show(page)
  await page.keyboard.press('n')
  await page.keyboard.type('Greets')
  await page.getByTestId('rule-group').fill('shop')
  await page.getByTestId('rule-stage-response').click()
  const filter = page.getByTestId('rule-filter')
  await filter.click()
  await page.keyboard.type('pat')
  await page.getByTestId('suggestions').getByText('path:').waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.type('/d')
  const offered = page.getByTestId('suggestions').getByText('/data', { exact: true })
  await offered.waitFor()
  // Escape puts away what is offered, and nothing else
  await page.keyboard.press('Escape')
  await offered.waitFor({ state: 'detached' })
  await page.keyboard.type('a')
  await offered.waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  const completed = await filter.inputValue()
  const form = await add(page, 'header-fields', 'set-header')
  await form.getByTestId('action-name').fill('X-Made')
  await form.getByTestId('action-value').fill('here')
  const json = await add(page, 'body', 'set-json')
  await json.getByTestId('action-path').fill('/a')
  await json.getByTestId('action-value').fill('{"b": [1]}')
  await page.locator('[data-testid=matches][data-settled]').waitFor()
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=matches]').dataset.count) > 0)
  const matches = await page.getByTestId('matches').innerText()
  const broken = { editor: await audit(page) }
  await screenshots(page, DESKTOP, 'rule-editor')
  await page.getByTestId('action-value').first().click()
  await page.keyboard.press('Control+Enter')
  await page.locator('[data-testid=rule-editor]:not([data-changed])').waitFor()
  const after = await field(input, '/data', 'x-made')
  const body = await curl(input, '/json')
  const touched = page.getByTestId('rule-hits')
  await touched.waitFor()
  const hits = await touched.innerText()
  // opened again, as it was kept
  await page.reload()
  await page.getByTestId('rule-editor').waitFor()
  const value = await page.locator('[data-do=set-json]').getByTestId('action-value').inputValue()
  await page.getByTestId('matches-all').click()
  await page.getByTestId('rules').waitFor({ state: 'detached' })
  const shown = await page.getByTestId('filter').inputValue()
  await page.getByTestId('filter').fill('')
  return { before, completed, matches, after, body, hits, value, shown, broken }
}

/** What is wrong stands at the field that is meant. */
async function wrong(page) {
  await show(page)
  await page.getByTestId('rules-new').click()
  await page.getByTestId('rule-name').fill('Wrong')
  const said = {}
  const problem = async (name) => {
    const one = page.getByTestId('action-problem')
    await one.waitFor()
    said[name] = [await one.getAttribute('data-field'), await one.innerText()]
  }
  let form = await add(page, 'body', 'replace-body')
  await form.getByTestId('action-find').fill('(a')
  await form.getByTestId('action-regex').check()
  await page.getByTestId('action-problem').getByText('unclosed').waitFor()
  await problem('regex')
  await form.getByTestId('action-find').fill('(a)')
  await page.getByTestId('action-problem').waitFor({ state: 'detached' })
  form = await add(page, 'where-it-goes', 'map-local')
  await form.getByTestId('action-path').fill('/nowhere/at/all')
  await page.getByTestId('action-problem').getByText('/nowhere').waitFor()
  await problem('file')
  const second = await page.getByTestId('action').evaluateAll((all) => all.findIndex((one) => one.querySelector('[data-testid=action-problem]')))
  await page.getByTestId('rule-filter').fill('path:/data sizze:>1')
  await page.getByTestId('rule-filter-problem').waitFor()
  said.filter = [await page.locator('.filter mark').innerText(), await page.getByTestId('rule-filter-problem').innerText()]
  const words = [await page.getByTestId('rule-save').innerText(), await page.getByTestId('rule-revert').innerText()]
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'rule-wrong')
  await page.getByTestId('rule-filter').fill('path:/data')
  await page.getByTestId('action-problem').waitFor()
  await page.getByTestId('rule-save').click()
  await page.locator('[data-testid=rule-save]:not(:disabled)').waitFor()
  const unkept = await page.getByTestId('rule-editor').getAttribute('data-id')
  await page.getByTestId('rule-revert').click()
  await page.getByTestId('rule-editor').waitFor({ state: 'detached' })
  await back(page)
  return { said, second, unkept, words, broken }
}

/** From the menu of a row: filled in for its host or its path. */
async function menus(page, input) {
  const begin = async (item) => {
    await row(page, '/data').first().click({ button: 'right' })
    await page.getByTestId('menu-rule').click()
    await page.getByTestId(`menu-${item}`).click()
    await page.getByTestId('rule-editor').waitFor()
    return [await page.getByTestId('rule-name').inputValue(), await page.getByTestId('rule-filter').inputValue()]
  }
  const block = await begin('rule-block')
  await page.getByTestId('action-how').selectOption('close')
  await page.getByTestId('rule-filter').fill('path:/blocked')
  await save(page)
  const closed = await curl(input, '/blocked').then(() => 0, (error) => error.code)
  await back(page)
  const local = await begin('rule-map-local')
  await writeFile(input.file, 'from the disk')
  await page.getByTestId('action-path').fill(input.file)
  await page.getByTestId('rule-filter').fill('path:/local')
  await save(page)
  const disk = await curl(input, '/local')
  await back(page)
  const answer = await begin('rule-answer')
  await page.getByTestId('action-status').fill('418')
  await page.getByTestId('action-body-text').getByText('plain text').waitFor()
  await page.getByTestId('rule-filter').fill('path:/tea')
  await save(page)
  const tea = await curl(input, '/tea', '-w', '|%{http_code}')
  await back(page)
  const filled = {}
  for (const start of ['localhost', 'throttle', 'no-caching', 'cors']) {
    filled[start] = await begin(`rule-${start}`)
    filled[start].push(await page.getByTestId('action').getAttribute('data-do'))
    await page.getByTestId('rule-revert').click()
    await page.getByTestId('rule-editor').waitFor({ state: 'detached' })
    await back(page)
  }
  return { block, closed, local, disk, answer, tea, filled }
}

/** By keys and by the pointer; the last that sets a field is the one that counts. */
async function ordered(page, input) {
  await show(page)
  await stand(page, ['a', 'b', 'c'])
  const seen = [await field(input, '/data', 'x-order')]
  await rule(page, 'c').getByTestId('rule-open').focus()
  await page.keyboard.press('Alt+ArrowUp')
  await kept(page, ['a', 'c', 'b'])
  await stand(page, ['a', 'c', 'b'])
  await page.waitForFunction(() => document.activeElement.matches('[data-row]'))
  const focused = await page.evaluate(() => document.activeElement.querySelector('b')?.textContent)
  seen.push(await field(input, '/data', 'x-order'))
  const grip = await rule(page, 'a').getByTestId('rule-grip').boundingBox()
  const last = await rule(page, 'b').boundingBox()
  await page.mouse.move(grip.x + grip.width / 2, grip.y + grip.height / 2)
  await page.mouse.down()
  await page.mouse.move(grip.x + 10, last.y + last.height - 4, { steps: 5 })
  await screenshots(page, DESKTOP, 'rules-drag')
  await page.mouse.up()
  await kept(page, ['c', 'b', 'a'])
  await stand(page, ['c', 'b', 'a'])
  seen.push(await field(input, '/data', 'x-order'))
  await back(page)
  return { seen, focused }
}

/** One by its switch and by a key, a group by its head. */
async function switched(page, input) {
  await show(page)
  const seen = []
  const look = async () => seen.push(await curl(input, '/data', '-o', '/dev/null', '-w', '%header{x-one}|%header{x-two}|%header{x-three}'))
  await look()
  await rule(page, 'one').getByTestId('rule-switch').click()
  await rule(page, 'one').and(page.locator(':not([data-on])')).waitFor()
  await kept(page, ['one', 'two', 'three'])
  await eventually(page, async () => (await (await fetch('/api/rules')).json()).items[0].on === false)
  await look()
  await page.locator('[data-testid=rule-group-head][data-group=pair]').getByTestId('rule-group-switch').click()
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=rule][data-on]').length === 0)
  await eventually(page, async () => (await (await fetch('/api/rules')).json()).items.every((rule) => rule.on === false))
  await look()
  await rule(page, 'three').getByTestId('rule-open').focus()
  await page.keyboard.press(' ')
  await eventually(page, async () => (await (await fetch('/api/rules')).json()).items[2].on !== false)
  await look()
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'rules-list')
  // what another page does is seen here
  await page.evaluate(() => fetch('/api/rules', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"on": true}' }))
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=rule][data-on]').length === 3)
  await back(page)
  return { seen, broken }
}

/** Deleted by a key, and brought back to its place. */
async function deleted(page) {
  await show(page)
  await rule(page, 'two').getByTestId('rule-open').focus()
  await page.keyboard.press('Delete')
  await stand(page, ['one', 'three'])
  await page.waitForFunction(() => document.activeElement.matches('[data-row]'))
  const focused = await page.evaluate(() => document.activeElement.querySelector('b')?.textContent)
  await page.getByTestId('undo').waitFor()
  const toast = await page.getByTestId('undo-toast').innerText()
  await page.keyboard.press('Control+z')
  await stand(page, ['one', 'two', 'three'])
  await kept(page, ['one', 'two', 'three'])
  await back(page)
  return { focused, toast }
}

async function doubled(page) {
  await show(page)
  await rule(page, 'two').getByTestId('rule-more').click()
  await page.getByTestId('menu-rule-duplicate').click()
  await stand(page, ['one', 'two', 'two 2', 'three'])
  await page.locator('[data-testid=rule-editor]').waitFor()
  const on = await page.getByTestId('rule-on').isChecked()
  // what is being written stays while another is looked at
  await page.getByTestId('rule-name').fill('two, again')
  await page.getByTestId('rule-name').fill('again')
  await rule(page, 'one').getByTestId('rule-open').click()
  await rule(page, 'two 2').locator('em').waitFor()
  await rule(page, 'two 2').getByTestId('rule-open').click()
  const name = await page.getByTestId('rule-name').inputValue()
  await page.getByTestId('rule-revert').click()
  await page.getByTestId('rule-remove').click()
  await stand(page, ['one', 'two', 'three'])
  await back(page)
  return { on, name }
}

async function write(page, text) {
  await page.getByTestId('rules-toml').click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(text)
}

/** Out as text and as a file; in from what is typed, and from a file that is dropped. */
async function texts(page, input) {
  await show(page)
  await page.getByTestId('rules-text-open').click()
  await page.getByTestId('rules-toml').getByText('[[rule]]').first().waitFor()
  const shown = await page.getByTestId('rules-toml').innerText()
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'rules-text')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('rules-download').click()])
  await download.saveAs(input.file)
  const file = await readFile(input.file, 'utf8')
  await write(page, '[[rule]]\nname = "typed"\nstage = "response"\nactions = [{ do = "fly" }]\n')
  await page.getByTestId('rules-add-all').click()
  const error = await page.getByTestId('rules-text-error').innerText()
  await write(page, '[[rule]]\nname = "typed"\nstage = "response"\nactions = [{ do = "set-header", name = "X-Typed", value = "yes" }]\n')
  await page.getByTestId('rules-replace').click()
  await stand(page, ['typed'])
  const typed = await field(input, '/data', 'x-typed')
  await page.getByTestId('undo').click()
  await stand(page, ['one', 'two', 'three'])
  const data = await page.evaluateHandle((text) => {
    const given = new DataTransfer()
    given.items.add(new File([text], 'given.toml'))
    return given
  }, '[[rule]]\nname = "given"\nstage = "response"\nactions = [{ do = "set-header", name = "X-Given", value = "yes" }]\n')
  await page.dispatchEvent('body', 'drop', { dataTransfer: data })
  await page.getByTestId('rules-text').getByText('given.toml').waitFor()
  await page.getByTestId('rules-add-all').click()
  await stand(page, ['one', 'two', 'three', 'given'])
  const given = await field(input, '/data', 'x-given')
  await back(page)
  return { shown, file, error, typed, given, broken }
}

/** Rules of a file: looked at, not changed here; read again, and what is wrong with it told. */
async function file(page, input) {
  await show(page)
  await stand(page, ['own', 'filed'])
  const seen = [await field(input, '/data', 'x-filed')]
  const disabled = await rule(page, 'filed').getByTestId('rule-switch').isDisabled()
  await rule(page, 'filed').getByTestId('rule-open').click()
  await page.getByTestId('rule-editor').getByText('Rule of the file').waitFor()
  const saves = await page.getByTestId('rule-save').count()
  const named = await page.getByTestId('rules-file').innerText()
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'rules-file')
  const text = await readFile(input.rules, 'utf8')
  await saveFile(input.rules, text.replace('"first"', '"second"'))
  await page.waitForFunction(() => document.querySelector('[data-testid=rule-editor] [data-testid=action-value]')?.value === 'second')
  seen.push(await field(input, '/data', 'x-filed'))
  await saveFile(input.rules, text.replace('set-header', 'fly'))
  await page.getByTestId('rules-file-error').waitFor()
  const error = await page.getByTestId('rules-file-error').innerText()
  seen.push(await field(input, '/data', 'x-filed'))
  await page.getByTestId('rules-text-open').click()
  await page.getByTestId('rules-toml').getByText('own').first().waitFor()
  const own = await page.getByTestId('rules-toml').innerText()
  await page.keyboard.press('Escape')
  await closeEditor(page)
  await back(page)
  return { seen, disabled, saves, named, error, own, broken }
}

async function narrow(page) {
  await page.setViewportSize(PHONE)
  await page.getByTestId('more-open').click()
  await page.getByTestId('menu-rules').click()
  await stand(page, ['one', 'two', 'three'])
  const wide = [await page.evaluate(() => document.documentElement.scrollWidth)]
  const broken = { list: await audit(page) }
  await screenshots(page, PHONE, 'rules-list')
  await rule(page, 'two').getByTestId('rule-open').click()
  await page.getByTestId('rule-editor').waitFor()
  await page.locator('[data-testid=matches][data-settled]').waitFor()
  wide.push(await page.evaluate(() => document.documentElement.scrollWidth))
  broken.editor = await audit(page)
  await screenshots(page, PHONE, 'rule-editor')
  await closeEditor(page)
  await rule(page, 'one').waitFor()
  await back(page)
  await page.setViewportSize(DESKTOP)
  return { wide, broken }
}

/** Where windows are smaller, the filter keeps its room, and what has none is in a menu. */
async function tight(page) {
  const seen = {}
  for (const width of [1280, 1024, 720]) {
    await page.setViewportSize({ width, height: 700 })
    await page.waitForFunction((tight) => (document.querySelector('[data-testid=settings-open]') === null) === tight, width <= 1150)
    seen[width] = await page.getByTestId('filter').evaluate((filter) => filter.offsetWidth)
  }
  await page.getByTestId('more-open').click()
  const menu = (await page.getByTestId('menu').innerText()).split('\n')
  await page.keyboard.press('Escape')
  const broken = await audit(page, 'header')
  await screenshots(page, { width: 720, height: 700 }, 'toolbar')
  await page.setViewportSize(DESKTOP)
  return { seen, menu, broken }
}
