// What waits at breakpoints is edited, dropped, answered and let go in the page; curl is who waits.
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { audit, DESKTOP, eventually, PHONE, row, screenshots, steps } from './shared.mjs'

await steps({ set, form, hex, response, dropped, answered, written, all, reloaded, gaveUp, twoPages, limited, large, off, many, socket, switch: rule })

/** A client that waits; what it got, when it has it. */
function curl(input, ...rest) {
  const child = spawn('curl', [...input.curl, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (piece) => (out += piece))
  const ended = new Promise((done) => child.on('close', (code) => done({ code, out })))
  return { child, ended }
}

function banner(page) {
  return page.getByTestId('waiting-banner')
}

/** Opens what waits by the banner's button. */
async function opened(page) {
  await page.getByTestId('waiting-open').click()
  const one = page.getByTestId('stopped')
  await one.locator('[data-testid=stopped-go]:not(:disabled)').waitFor()
  return one
}

/** Writes over what stands in an editor. */
async function write(page, name, text) {
  await page.getByTestId(name).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(text)
}

async function back(page) {
  await page.getByTestId('waiting-back').click()
  await page.getByTestId('waiting').waitFor({ state: 'detached' })
}

/** Clicks a way to edit, and waits until it is chosen. */
async function mode(page, name) {
  await page.getByTestId(name).click()
  await page.locator(`[data-testid=${name}][aria-checked=true]`).waitFor()
}

/** A breakpoint by a row's menu; a request is edited in every part while somebody types elsewhere. */
async function set(page, input) {
  await row(page, '/stop').first().click({ button: 'right' })
  await page.getByTestId('menu-break').click()
  await page.getByTestId('menu-break-request-path').click()
  await page.getByTestId('break-open').locator('b').waitFor()
  const armed = await page.getByTestId('break-open').textContent()
  const filter = page.getByTestId('filter')
  await filter.click()
  await page.keyboard.type('path:/st')
  const waits = curl(input, '-d', '{"a":1}', '-H', 'Content-Type: application/json', '-H', 'X-Old: 1', `${input.origin}/stop?1`)
  await banner(page).waitFor()
  // who types goes on typing
  await page.keyboard.type('op')
  const typed = await filter.inputValue()
  const title = await page.title()
  await page.locator('[data-mark=waits]').waitFor()
  const broken = { banner: await audit(page) }
  await screenshots(page, DESKTOP, 'waiting-banner')
  await opened(page)
  await page.getByTestId('stopped-method').fill('PUT')
  await page.getByTestId('stopped-url').fill(`${input.origin}/stop?elsewhere`)
  await page.getByRole('button', { name: 'Remove X-Old' }).click()
  await page.getByTestId('replay-header-add').click()
  await page.keyboard.type('x-NEW')
  await page.keyboard.press('Tab')
  await page.keyboard.type('2')
  const began = await page.locator('[data-testid=stopped-body-mode] [aria-checked=true]').innerText()
  await write(page, 'stopped-body-text', '{"edited": [1, 2')
  const wrong = await page.getByTestId('stopped-body-json').innerText()
  await page.keyboard.insertText(']}')
  await page.getByTestId('stopped-body-json').waitFor({ state: 'detached' })
  broken.editor = await audit(page)
  await screenshots(page, DESKTOP, 'waiting-editor')
  await page.setViewportSize(PHONE)
  broken.phone = await audit(page)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'waiting-editor')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('stopped-body-text').click()
  await page.keyboard.press('Control+Enter')
  const { out } = await waits.ended
  await page.getByTestId('waiting-empty').waitFor()
  broken.empty = await audit(page)
  await screenshots(page, DESKTOP, 'waiting-empty')
  const after = await page.title()
  await back(page)
  await page.getByTestId('filter').fill('')
  await page.getByTestId('flow-list').focus()
  return { armed, typed, title, began, wrong, out, after, wide, broken }
}

/** A form by its parameters. */
async function form(page, input) {
  const waits = curl(input, '-d', 'name=a+b&price=1', `${input.origin}/stop?form`)
  await banner(page).waitFor()
  await opened(page)
  const names = page.getByTestId('stopped-body-parameter-name')
  const values = page.getByTestId('stopped-body-parameter-value')
  const began = [await names.nth(0).inputValue(), await values.nth(0).inputValue()]
  await values.nth(1).fill('2 & 3')
  await page.getByTestId('stopped-body-parameter-add').click()
  await page.keyboard.type('more')
  await page.getByTestId('stopped-go').click()
  const { out } = await waits.ended
  await back(page)
  return { began, out }
}

/** Bytes that are no text. */
async function hex(page, input) {
  await writeFile(input.bytes, Buffer.from([0xff, 0x00, 0x41]))
  const waits = curl(input, '-H', 'Content-Type: application/octet-stream', '--data-binary', `@${input.bytes}`, `${input.origin}/stop?hex`)
  await banner(page).waitFor()
  await opened(page)
  const began = await page.getByTestId('stopped-body-hex').innerText()
  await page.getByTestId('stopped-body-mode-text').click()
  const refused = await page.getByTestId('stopped-body-refused').innerText()
  await write(page, 'stopped-body-hex', '48 49 z')
  const problem = await page.getByTestId('stopped-body-problem').innerText()
  await page.keyboard.press('Backspace')
  await page.getByTestId('stopped-body-problem').waitFor({ state: 'detached' })
  // what is text by now can be edited as such
  await mode(page, 'stopped-body-mode-text')
  await page.getByTestId('stopped-body-text').getByText('HI').waitFor()
  await mode(page, 'stopped-body-mode-hex')
  await write(page, 'stopped-body-hex', '68 69 ff')
  await page.getByTestId('stopped-go').click()
  const { out } = await waits.ended
  await back(page)
  return { began, refused, problem, out }
}

/** A response by the dialog, with a filter that is wrong first. */
async function response(page, input) {
  await page.keyboard.press('Shift+B')
  const dialog = page.getByTestId('breakpoint-dialog')
  await dialog.waitFor()
  const field = page.getByTestId('breakpoint-filter')
  await field.fill('hots:x')
  const wrong = await page.getByTestId('breakpoint-filter-problem').innerText()
  await field.fill('path:/data.json status:200')
  await page.getByTestId('breakpoint-request').uncheck()
  await page.getByTestId('breakpoint-response').check()
  await page.locator('[data-testid=matches][data-settled][data-count="1"]').waitFor()
  const broken = { dialog: await audit(page) }
  await screenshots(page, DESKTOP, 'breakpoint-dialog')
  await page.getByTestId('breakpoint-set').click()
  await dialog.waitFor({ state: 'detached' })
  const waits = curl(input, '-w', '|%{http_code}|%header{x-added}', `${input.origin}/data.json`)
  await banner(page).waitFor()
  await opened(page)
  await page.getByTestId('stopped-status').fill('404')
  await page.getByTestId('replay-header-add').click()
  await page.keyboard.type('X-Added')
  await page.keyboard.press('Tab')
  await page.keyboard.type('yes')
  await write(page, 'stopped-body-text', '{"none":true}')
  await page.getByTestId('stopped-go').click()
  const { out } = await waits.ended
  await back(page)
  return { wrong, out, broken }
}

async function dropped(page, input) {
  const waits = curl(input, `${input.origin}/stop?dropped`)
  await banner(page).waitFor()
  await opened(page)
  await page.getByTestId('stopped-url').click()
  await page.keyboard.press('Control+.')
  const { code } = await waits.ended
  await page.getByTestId('waiting-empty').waitFor()
  await back(page)
  return { code }
}

async function answered(page, input) {
  const waits = curl(input, '-w', '|%{http_code}|%header{retry-after}', `${input.origin}/stop?answered`)
  await banner(page).waitFor()
  await opened(page)
  await page.getByTestId('stopped-answering').click()
  await page.getByTestId('answer-status').fill('503')
  await page.getByTestId('replay-header-add').click()
  await page.keyboard.type('Retry-After')
  await page.keyboard.press('Tab')
  await page.keyboard.type('7')
  await write(page, 'answer-body-text', '{"own": true}')
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'waiting-answer')
  await page.getByTestId('stopped-go').click()
  const { out } = await waits.ended
  await back(page)
  return { out, broken }
}

/** A length that is wrong by intent: of a request that goes on, and of an answer in the server's place. */
async function written(page, input) {
  const asked = curl(input, '-d', 'old', '-H', 'Content-Type: text/plain', `${input.origin}/stop?written`)
  await banner(page).waitFor()
  await opened(page)
  await write(page, 'stopped-body-text', 'new and longer')
  const note = page.locator('label', { has: page.getByTestId('stopped-as-written') })
  const notes = [await note.innerText()]
  await page.getByTestId('stopped-as-written').check()
  notes.push(await note.innerText())
  await page.getByTestId('stopped-go').click()
  const went = (await asked.ended).out
  const answered = curl(input, '-w', '|%{http_code}|%header{content-length}', `${input.origin}/stop?answered-as-written`)
  // nothing else waits: it opens by itself
  await page.getByTestId('stopped-answering').click()
  await page.getByTestId('replay-header-add').click()
  await page.keyboard.type('Content-Length')
  await page.keyboard.press('Tab')
  await page.keyboard.type('5')
  await write(page, 'answer-body-text', '[1,2]and what nobody reads')
  await page.getByTestId('answer-as-written').check()
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'waiting-as-written')
  await page.setViewportSize(PHONE)
  await screenshots(page, PHONE, 'waiting-as-written')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('stopped-go').click()
  const got = (await answered.ended).out
  await back(page)
  return { notes, went, got, broken }
}

/** Several wait; keys go from one to the next; all go on. */
async function all(page, input) {
  const clients = ['all-1', 'all-2', 'all-3'].map((name) => curl(input, `${input.origin}/stop?${name}`))
  await page.locator('[data-testid=waiting-banner][data-count="3"]').waitFor()
  const title = await page.title()
  await page.keyboard.press('w')
  await page.getByTestId('stopped-url').waitFor()
  const ids = await page.getByTestId('waiting-item').evaluateAll((items) => items.map((item) => item.dataset.id))
  const shown = () => page.locator('[data-testid=waiting-item][aria-current]').getAttribute('data-id')
  const walked = [await shown()]
  await page.getByTestId('stopped-url').click()
  for (const key of ['F8', 'F8', 'Shift+F8']) {
    const before = walked.at(-1)
    await page.keyboard.press(key)
    await page.waitForFunction((before) => document.querySelector('[data-testid=waiting-item][aria-current]')?.dataset.id !== before, before)
    walked.push(await shown())
  }
  await page.setViewportSize(PHONE)
  const broken = await audit(page)
  await screenshots(page, PHONE, 'waiting-list')
  await page.setViewportSize(DESKTOP)
  await screenshots(page, DESKTOP, 'waiting-list')
  await page.getByTestId('waiting-let-all').click()
  const outs = (await Promise.all(clients.map(({ ended }) => ended))).map(({ out }) => out.split(' HTTP')[0])
  await back(page)
  return { title, walked: walked.map((id) => ids.indexOf(id)), outs: outs.sort(), broken }
}

/** What was being edited is there again when the page is loaded again. */
async function reloaded(page, input) {
  const waits = curl(input, '-d', 'old', '-H', 'Content-Type: text/plain', `${input.origin}/stop?reloaded`)
  await banner(page).waitFor()
  await opened(page)
  await page.getByTestId('stopped-method').fill('PATCH')
  await write(page, 'stopped-body-text', 'typed before')
  await page.reload()
  await page.getByTestId('stopped-body-text').getByText('typed before').waitFor()
  const method = await page.getByTestId('stopped-method').inputValue()
  const title = await page.title()
  await page.getByTestId('stopped-go').click()
  const { out } = await waits.ended
  await back(page)
  return { method, title, out }
}

async function gaveUp(page, input) {
  const waits = curl(input, `${input.origin}/stop?gone`)
  await banner(page).waitFor()
  await opened(page)
  waits.child.kill()
  const outcome = page.getByTestId('waiting-outcome')
  await outcome.getByText('Its client gave up').waitFor()
  await outcome.locator('.tone-failed').waitFor()
  const said = await outcome.innerText()
  const listed = await page.getByTestId('waiting-item').getAttribute('data-gone')
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'waiting-gone')
  await back(page)
  const told = await banner(page).innerText()
  await page.getByTestId('waiting-seen').click()
  await banner(page).waitFor({ state: 'detached' })
  return { said, listed, told, broken, title: await page.title() }
}

/** Two pages on one message: who is later is told, and sees what became of it. */
async function twoPages(page, input) {
  const waits = curl(input, `${input.origin}/stop?two`)
  await banner(page).waitFor()
  await opened(page)
  await page.getByTestId('stopped-method').fill('POST')
  const other = await page.context().newPage()
  await other.setViewportSize(DESKTOP)
  if (process.env.PAGE) await other.route(({ pathname }) => pathname === '/' || pathname.startsWith('/assets/'), (route) => route.fulfill({ path: `${process.env.PAGE}${new URL(route.request().url()).pathname.replace(/^\/$/, '/index.html')}` }))
  await other.goto(page.url())
  await other.getByTestId('stopped-method').fill('PUT')
  await other.getByTestId('stopped-keep').click()
  await other.locator('[data-testid=stopped][data-version="2"]').waitFor()
  const behind = await page.getByTestId('stopped-behind').innerText()
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'waiting-behind')
  // sent all the same: the server says no
  await page.getByTestId('stopped-go').click()
  const refused = await page.getByTestId('stopped-error').innerText()
  await page.getByTestId('stopped-theirs').click()
  await page.locator('[data-testid=stopped][data-version="2"]').waitFor()
  const theirs = await page.getByTestId('stopped-method').inputValue()
  // what is edited and not saved is taken back, to what was saved last
  await page.getByTestId('stopped-method').fill('DELETE')
  const words = [await page.getByTestId('stopped-keep').innerText(), await page.getByTestId('stopped-cancel').innerText()]
  await page.getByTestId('stopped-cancel').click()
  await page.getByTestId('stopped-cancel').waitFor({ state: 'detached' })
  const cancelled = await page.getByTestId('stopped-method').inputValue()
  await other.getByTestId('stopped-go').click()
  const { out } = await waits.ended
  const outcome = page.getByTestId('waiting-outcome')
  await outcome.getByTestId('waiting-did').waitFor()
  const became = await outcome.innerText()
  await other.close()
  await back(page)
  return { behind, refused, theirs, words, cancelled, out, became, broken }
}

/** A time limit: the countdown is shown, and what was typed until then comes too late. */
async function limited(page, input) {
  await page.keyboard.press('Shift+B')
  await page.getByTestId('breakpoint-filter').fill('path:/limit')
  await page.getByTestId('breakpoint-limited').check()
  // long enough to be looked at, on a busy machine too
  await page.getByTestId('breakpoint-seconds').fill('15')
  await page.getByTestId('breakpoint-set').click()
  await page.getByTestId('breakpoint-dialog').waitFor({ state: 'detached' })
  const waits = curl(input, `${input.origin}/limit`)
  await banner(page).waitFor()
  const countdown = await page.getByTestId('waiting-since').innerText()
  await opened(page)
  const shown = await page.getByTestId('stopped-time').innerText()
  const { out } = await waits.ended
  const outcome = page.getByTestId('waiting-outcome')
  await outcome.getByTestId('waiting-did').waitFor()
  const became = await outcome.innerText()
  await back(page)
  return { countdown, shown, out, became }
}

/** A body that cannot be held: its head is edited. */
async function large(page, input) {
  const waits = curl(input, '-o', '/dev/null', '-w', '%header{x-edited}|%{size_download}', `${input.origin}/large`)
  await banner(page).waitFor()
  await opened(page)
  const unseen = await page.getByTestId('stopped-unseen').innerText()
  await page.getByTestId('replay-header-add').click()
  await page.keyboard.type('X-Edited')
  await page.keyboard.press('Tab')
  await page.keyboard.type('yes')
  await page.getByTestId('stopped-go').click()
  const { out } = await waits.ended
  await back(page)
  return { unseen, out }
}

/** Switched off by the menu: nothing waits; and on again. */
async function off(page, input) {
  await page.getByTestId('break-open').click()
  const listed = await page.locator('[data-testid=menu] [role=menuitemcheckbox]').allInnerTexts()
  await page.getByTestId('menu-break-all').click()
  await page.getByTestId('break-open').locator('b').waitFor({ state: 'detached' })
  // the page shows what it asked for; the proxy knows of it a moment later
  await eventually(page, () => fetch('/api/rules').then((answer) => answer.json()).then((rules) => rules.items.every((rule) => rule.on === false)))
  const { out } = await curl(input, `${input.origin}/stop?off`).ended
  const silent = await banner(page).count()
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette-input').fill('breakpoints on')
  await page.keyboard.press('Enter')
  await page.getByTestId('break-open').locator('b').waitFor()
  // both, as above
  await eventually(page, () => fetch('/api/rules').then((answer) => answer.json()).then((rules) => rules.items.every((rule) => rule.on !== false)))
  const waits = curl(input, `${input.origin}/stop?on`)
  await banner(page).waitFor()
  await page.getByTestId('waiting-all').click()
  await waits.ended
  await banner(page).waitFor({ state: 'detached' })
  await page.keyboard.press('?')
  const keys = await page.getByTestId('keys-sheet').innerText()
  await page.keyboard.press('Escape')
  return { listed: listed.map((text) => text.replace(/\s+/g, ' ').trim()), out, silent, keys: ['Break on …', 'Continue with what is edited', 'The next that waits'].filter((text) => keys.includes(text)) }
}

/** The list, narrow, with a banner. */
async function many(page, input) {
  const clients = [1, 2].map((n) => curl(input, `${input.origin}/stop?many-${n}-${'long-'.repeat(30)}`))
  await page.locator('[data-testid=waiting-banner][data-count="2"]').waitFor()
  await page.setViewportSize(PHONE)
  await page.getByTestId('more-open').waitFor()
  const broken = await audit(page)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'waiting-banner')
  await page.getByTestId('more-open').click()
  await page.getByTestId('menu-breakpoints').click()
  await page.getByTestId('menu-waiting').click()
  await page.getByTestId('stopped-go').waitFor()
  await page.getByTestId('waiting-let-all').click()
  await Promise.all(clients.map(({ ended }) => ended))
  await page.setViewportSize(DESKTOP)
  await back(page)
  return { broken, wide }
}

/** A client of a WebSocket that says what it is told to; what it heard so far, without pongs and its end. */
function talk(input) {
  const [program, ...rest] = [input.python, ...input.client]
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  let out = ''
  const waiters = new Set()
  child.stdout.on('data', (piece) => {
    out += piece
    for (const look of waiters) look()
  })
  const heard = () => out.split('\n').slice(0, -1).map((line) => JSON.parse(line)).filter((line) => typeof line === 'string')
  const hears = (count) =>
    new Promise((done) => {
      const look = () => {
        if (heard().length < count) return
        waiters.delete(look)
        done(heard())
      }
      waiters.add(look)
      look()
    })
  const ended = new Promise((done) => child.on('close', done))
  return { say: (text) => child.stdin.write(`${JSON.stringify(text)}\n`), heard, hears, ended }
}

/** Messages of a WebSocket: the server's greeting and what the client says are edited, one is left out. */
async function socket(page, input) {
  await page.keyboard.press('Shift+B')
  await page.getByTestId('breakpoint-filter').fill('path:/talk')
  await page.getByTestId('breakpoint-request').uncheck()
  await page.getByTestId('breakpoint-message').check()
  await page.locator('[data-testid=breakpoint-set]:not(:disabled)').click()
  await page.getByTestId('breakpoint-dialog').waitFor({ state: 'detached' })
  const client = talk(input)
  await banner(page).waitFor()
  const one = await opened(page)
  const from = [await one.innerText()]
  const answers = await page.getByTestId('stopped-answering').count()
  await write(page, 'stopped-body-text', 'greeted by hand')
  await page.getByTestId('stopped-go').click()
  await client.hears(1)
  // what comes next opens itself: from the client, and its echo from the server
  const next = async (name) => {
    await page.getByTestId('stopped').getByText(`Message from the ${name}`).waitFor()
    await page.locator('[data-testid=stopped-go]:not(:disabled)').waitFor()
  }
  client.say('hello')
  await next('client')
  from.push(await page.getByTestId('stopped').innerText())
  await write(page, 'stopped-body-text', 'hello by hand')
  const broken = { editor: await audit(page) }
  await screenshots(page, DESKTOP, 'waiting-message')
  await page.getByTestId('stopped-go').click()
  await next('server')
  await page.getByTestId('stopped-go').click()
  await client.hears(2)
  client.say('never said')
  await next('client')
  await page.getByTestId('stopped-drop').click()
  await page.getByTestId('waiting-empty').waitFor()
  client.say('after')
  await next('client')
  await page.getByTestId('stopped-go').click()
  await next('server')
  await page.getByTestId('stopped-go').click()
  const heard = await client.hears(3)
  client.say(null)
  await client.ended
  await back(page)
  await row(page, '/talk').click()
  await page.getByTestId('show-changes').click()
  const list = page.getByTestId('changes-message')
  await list.nth(2).waitFor()
  await list.filter({ hasText: 'left out' }).waitFor()
  const changes = await list.allInnerTexts()
  broken.changes = await audit(page, '[data-testid=detail]')
  await screenshots(page, DESKTOP, 'changes-messages')
  return { from, answers, heard, changes, broken }
}

/** A rule of the stage message, made in the page. */
async function rule(page, input) {
  await page.evaluate(() => fetch('/api/rules', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"on": false}' }))
  await page.getByTestId('rules-open').click()
  await page.getByTestId('rules-new').click()
  await page.getByTestId('rule-stage-message').click()
  await page.getByTestId('rule-sender').selectOption('server')
  await page.getByTestId('rule-filter').fill('path:/talk body:said')
  await page.getByTestId('action-add').click()
  await page.getByTestId('menu-heading-body').click()
  const disabled = await page.locator('[data-testid^=menu-do-]:not(:disabled)').evaluateAll((all) => all.map((one) => one.dataset.testid))
  await page.getByTestId('menu-do-replace-body').click()
  await page.getByTestId('action-find').fill('by a person')
  await page.getByTestId('action-with').fill('by a rule')
  await page.getByTestId('rule-save').click()
  await page.locator('[data-testid=rule-editor]:not([data-changed])').waitFor()
  const actions = await page.getByTestId('action').evaluateAll((all) => all.map((one) => one.dataset.do))
  const client = talk(input)
  await client.hears(1)
  client.say('said by a person')
  const heard = (await client.hears(2)).at(-1)
  client.say(null)
  await client.ended
  return { heard, actions, disabled }
}
