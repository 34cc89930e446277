// What a person does with flows beside reading them: compares, copies, notes, deletes, saves, imports, edits, sets up.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { audit, DESKTOP, PHONE, open, row, rows, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)

const complete = (page, text) => row(page, text).and(page.locator('[data-state=complete]'))
const request = (curl, ...rest) => run('curl', [...curl, ...rest])

await steps({ compare, copy, annotate, remove, sessions, har, editor, settings, help, recording, lost, rebuilt, flight })

/** Two answers are compared: by what they say, from difference to difference, and the other way round. */
async function compare(page) {
  await complete(page, '/two.json').waitFor()
  await row(page, '/one.json').click()
  await row(page, '/two.json').click({ modifiers: ['Control'] })
  await page.keyboard.press('v')
  const body = page.getByTestId('compare-response-body')
  await body.and(page.locator('[data-as=json]')).waitFor()
  const differences = () =>
    body
      .locator('tr[data-path]')
      .evaluateAll((lines) => lines.map((line) => [line.dataset.path, line.dataset.kind, ...[...line.children].slice(1).map((cell) => cell.innerText)]))
  const found = await differences()
  const text = await page.getByTestId('compare-request-line').innerText()
  await page.keyboard.press('n')
  const first = await page.getByTestId('compare-count').innerText()
  await page.keyboard.press('p')
  const last = await page.getByTestId('compare-count').innerText()
  await page.getByTestId('compare-response-body').getByTestId('diff-as-text').click()
  await body.getByTestId('diff-lines').waitFor()
  const marked = await body.locator('[data-kind=changed] mark').allInnerTexts()
  await screenshots(page, DESKTOP, 'compare')
  const broken = { desktop: await audit(page, '[data-testid=compare]') }
  await page.setViewportSize(PHONE)
  broken.phone = await audit(page)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'compare')
  await page.setViewportSize(DESKTOP)
  const [left, right] = await Promise.all(['left', 'right'].map((side) => page.getByTestId(`compare-${side}`).getAttribute('data-id')))
  await page.getByTestId('compare-swap').click()
  await page.locator(`[data-testid=compare-left][data-id="${right}"]`).waitFor()
  await body.and(page.locator('[data-as=json]')).waitFor()
  const swapped = await differences()
  await page.keyboard.press('Escape')
  await page.getByTestId('compare').waitFor({ state: 'detached' })
  return { found, text, first, last, marked, wide, left: Number(left), swapped, broken }
}

/** Requests are put on the clipboard; the curl line is run as it was copied. */
async function copy(page) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await complete(page, '/note').waitFor()
  await row(page, '/note').click()
  await page.keyboard.press('y')
  const clipboard = (word) =>
    page.evaluate(
      (word) =>
        new Promise((found, failed) => {
          const look = async () => {
            const text = await navigator.clipboard.readText()
            if (text.includes(word)) found(text)
            else requestAnimationFrame(() => look().catch(failed))
          }
          look().catch(failed)
        }),
      word,
    )
  const line = await clipboard('--data-binary')
  const { stdout } = await run('sh', ['-c', line])
  const texts = {}
  for (const [format, word] of [['fetch', 'await fetch'], ['python', 'import requests'], ['raw', 'HTTP/1.1 200']]) {
    await page.getByTestId('copy-as').click()
    await page.getByTestId(`menu-copy-${format}`).click()
    texts[format] = await clipboard(word)
  }
  await page.getByTestId('detail-close').click()
  return { line, stdout, texts }
}

/** Star, colour, tag and comment, in the head of the detail; a second tag from the keyboard for two flows. */
async function annotate(page) {
  await complete(page, '/note').waitFor()
  await open(page, '/note')
  const head = page.getByTestId('annotate')
  await page.getByTestId('annotate-star').click()
  await head.locator('[data-testid=annotate-star][aria-pressed=true]').waitFor()
  await page.getByTestId('annotate-color').click()
  await page.getByTestId('menu-color-purple').click()
  await head.locator('[data-color=purple]').waitFor()
  await page.getByTestId('annotate-tag-add').click()
  await page.getByTestId('tag-input').fill('  checkout   flow ')
  await page.keyboard.press('Enter')
  await head.getByTestId('annotate-tag').getByText('checkout flow').waitFor()
  await page.getByTestId('annotate-comment').click()
  await page.getByTestId('comment-text').fill('<b>look</b> here')
  await page.keyboard.press('Control+Enter')
  await page.getByTestId('comment-dialog').waitFor({ state: 'detached' })
  await head.getByText('<b>look</b> here').waitFor()
  await page.getByTestId('detail-close').click()
  await row(page, '/one.json').click({ modifiers: ['Control'] })
  await page.keyboard.press('t')
  await page.getByTestId('tag-dialog').getByTestId('tag-input').fill('both')
  await page.keyboard.press('Enter')
  await page.getByTestId('tag-dialog').waitFor({ state: 'detached' })
}

/** Deleted by key and brought back by key; deleted in the dialog and brought back by the button; deleted for good. */
async function remove(page) {
  await complete(page, '/two.json').waitFor()
  const before = await rows(page)
  // nothing is still being read about a flow that goes
  const look = async (path) => {
    await open(page, path)
    await page.getByTestId('story').waitFor()
  }
  const delete_ = async (path) => {
    await look(path)
    await page.keyboard.press('Delete')
    await row(page, path).waitFor({ state: 'detached' })
    await page.getByTestId('undo').waitFor()
  }
  await delete_('/one.json')
  await page.keyboard.press('Control+z')
  await row(page, '/one.json').waitFor()
  await look('/note')
  await page.getByTestId('delete-open').click()
  await page.getByTestId('delete-selected').click()
  await row(page, '/note').waitFor({ state: 'detached' })
  await page.getByTestId('undo').click()
  await row(page, '/note').waitFor()
  const after = await rows(page)
  await delete_('/two.json')
  return { before, after }
}

/** A recording is saved, a new one begins; the old one is looked at, named anew, deleted, brought back. */
async function sessions(page, { curl, origin }) {
  await complete(page, '/two.json').waitFor()
  await page.getByTestId('sessions-open').click()
  await page.getByTestId('session-save-open').click()
  await page.getByTestId('session-name').fill('the first one')
  await page.getByTestId('session-save').click()
  await page.getByTestId('empty').waitFor()
  await request(curl, `${origin}/second`)
  await complete(page, '/second').waitFor()
  const live = await rows(page)
  await page.getByTestId('sessions-open').click()
  const old = page.getByTestId('session').filter({ hasText: 'the first one' })
  const id = Number(await old.getAttribute('data-id'))
  await screenshots(page, DESKTOP, 'sessions')
  const broken = { desktop: await audit(page) }
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  broken.phone = await audit(page)
  await screenshots(page, PHONE, 'sessions')
  await page.setViewportSize(DESKTOP)
  await old.getByTestId('session-open').click()
  await page.getByTestId('session-banner').getByText('the first one').waitFor()
  await row(page, '/one.json').waitFor()
  const opened = await rows(page)
  const address = page.url()
  await page.getByTestId('session-live').click()
  await row(page, '/second').waitFor()
  await page.getByTestId('session-banner').waitFor({ state: 'detached' })
  await page.getByTestId('sessions-open').click()
  await old.getByTestId('session-rename').click()
  await page.getByTestId('session-rename-field').fill('renamed')
  await page.keyboard.press('Enter')
  const renamed = page.getByTestId('session').filter({ hasText: 'renamed' })
  await renamed.waitFor()
  await renamed.getByTestId('session-delete').click()
  await renamed.waitFor({ state: 'detached' })
  await page.getByTestId('undo').click()
  await renamed.waitFor()
  await page.getByTestId('sessions-back').click()
  return { live, opened, address, id, broken, wide }
}

/** The recording goes out as HAR, and comes in again by being dropped onto the page; another file is refused. */
async function har(page, { file, wrong }) {
  await complete(page, '/two.json').waitFor()
  const before = await rows(page)
  const recorded = await row(page, '/one.json').getAttribute('data-id')
  await page.getByTestId('sessions-open').click()
  const current = page.locator('[data-testid=session][data-current]')
  await current.getByTestId('session-format').selectOption('har')
  const download = page.waitForEvent('download')
  await current.getByTestId('session-export').click()
  await (await download).saveAs(file)
  await page.getByTestId('sessions-back').click()

  const text = await readFile(file, 'utf8')
  const drop = async (name, content) => {
    const data = await page.evaluateHandle(([name, content]) => {
      const data = new DataTransfer()
      data.items.add(new File([content], name))
      return data
    }, [name, content])
    await page.dispatchEvent('main', 'dragenter', { dataTransfer: data })
    await page.getByTestId('drop-target').waitFor()
    await page.dispatchEvent('main', 'drop', { dataTransfer: data })
    await page.getByTestId('drop-target').waitFor({ state: 'detached' })
  }
  await drop('again.har', text)
  const result = await page.getByTestId('import-result').innerText()
  await page.getByTestId('import-open-session').click()
  await page.getByTestId('session-banner').waitFor()
  // the rows of both sessions look alike
  await page.locator(`[data-testid=flow-row][data-id="${recorded}"]`).waitFor({ state: 'detached' })
  await row(page, '/two.json').waitFor()
  const imported = await rows(page)
  await open(page, '/one.json')
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body-text').getByText('list').waitFor()
  await page.getByTestId('detail-close').click()
  await page.getByTestId('session-live').click()
  await writeFile(wrong, '{"log": [1, 2')
  await page.getByTestId('sessions-open').click()
  await page.getByTestId('import-open').click()
  await page.getByTestId('import-file').setInputFiles(wrong)
  const refused = await page.getByTestId('import-error').innerText()
  await page.getByTestId('dialog-close').click()
  await page.getByTestId('sessions-back').click()
  return { before, result, imported, refused }
}

/** The editor, by keyboard: a body typed, a field completed, three versions sent, the first one brought back. */
async function editor(page) {
  const result = (number) => page.getByTestId(`replay-version-${number}`).getByText('200').waitFor()
  await complete(page, '/note').waitFor()
  await row(page, '/note').click()
  await page.keyboard.press('r')
  await page.getByTestId('replay-body').click()
  await page.keyboard.press('Control+a')
  await page.keyboard.type('{"typed": "by hand"')
  await page.getByTestId('replay-format').click()
  await page.getByTestId('replay-body').getByText('"typed": "by hand"').waitFor()
  await page.getByTestId('replay-body').click()
  await page.keyboard.press('Control+Enter')
  await result(1)
  await page.getByTestId('replay-body-diff').getByText('by hand').first().waitFor()

  await page.getByTestId('replay-edit-raw').click()
  const raw = page.getByTestId('replay-raw')
  await raw.click()
  await page.keyboard.press('Control+Home')
  await page.keyboard.press('End')
  await page.keyboard.press('Enter')
  await page.keyboard.type('X-Requ')
  await page.locator('.cm-tooltip-autocomplete').getByText('X-Requested-With').click()
  await raw.getByText('X-Requested-With: ').waitFor()
  await page.keyboard.type('XMLHttpRequest')
  await raw.getByText('X-Requested-With: XMLHttpRequest').waitFor()
  await page.keyboard.press('Control+Enter')
  await result(2)
  await screenshots(page, DESKTOP, 'editor')
  const broken = { raw: await audit(page) }
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  broken.phone = await audit(page)
  await screenshots(page, PHONE, 'editor')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('replay-against-previous').click()
  await page.getByTestId('replay-old').getByText('Sent before').waitFor()
  const whole = await raw.innerText()

  await page.getByTestId('replay-version-1').click()
  await raw.getByText('X-Requested-With').waitFor({ state: 'detached' })
  await page.locator('[data-testid=replay-version-1][aria-current]').waitFor()
  await page.getByTestId('replay-edit-fields').click()
  await page.getByTestId('replay-header').first().waitFor()
  broken.fields = await audit(page)
  // an address and the names of usual fields are whole where the window is narrow
  await page.setViewportSize({ width: 1024, height: 768 })
  const cut = await page.locator('[data-testid=replay-url], [data-testid=replay-header-name]').evaluateAll((fields) => fields.filter((field) => field.scrollWidth > field.clientWidth).map((field) => field.value))
  if (cut.length > 0) throw new Error(`cut at 1024 pixels: ${cut}`)
  await screenshots(page, { width: 1024 }, 'editor')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('replay-url').fill((await page.getByTestId('replay-url').inputValue()) + '?third')
  await page.getByTestId('replay-send').click()
  await result(3)
  await page.keyboard.press('Escape')
  await page.getByTestId('replay').waitFor({ state: 'detached' })
  // nothing is lost by leaving
  await page.keyboard.press('r')
  await page.getByTestId('replay-version-3').waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('replay').waitFor({ state: 'detached' })
  return { whole, broken, wide }
}

/** Settings are changed and refused; the theme is chosen. */
async function settings(page) {
  await page.getByTestId('settings-open').click()
  const setting = (key) => page.locator(`[data-testid=setting][data-key="${key}"]`)
  await setting('qr').getByTestId('setting-field').check()
  await setting('qr').getByTestId('setting-pending').waitFor()
  const allow = setting('allow')
  await allow.getByTestId('setting-field').fill('nonsense')
  await allow.getByTestId('setting-save').click()
  const error = await allow.getByTestId('setting-error').innerText()
  await allow.getByTestId('setting-field').fill('192.168.7.0/24\n10.1.0.0/16')
  await allow.getByTestId('setting-save').click()
  await allow.getByTestId('setting-error').waitFor({ state: 'detached' })
  await allow.getByTestId('setting-state').getByText('10.1.0.0/16').waitFor()
  const state = await allow.getByTestId('setting-state').innerText()
  const fingerprint = await page.getByTestId('settings-fingerprint').innerText()
  const broken = { desktop: await audit(page) }
  await page.getByTestId('settings-theme-dark').click()
  await page.locator('html[data-theme=dark]').waitFor()
  await screenshots(page, DESKTOP, 'settings')
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await page.getByTestId('settings-theme-system').click()
  await screenshots(page, PHONE, 'settings')
  broken.phone = await audit(page)
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('settings-back').click()
  return { error, state, fingerprint, wide, broken }
}

/** The empty page's line is run as it stands there, for another address; every kind of client has its lines. */
async function help(page, { secure }) {
  await page.getByTestId('empty').waitFor()
  await screenshots(page, DESKTOP, 'empty')
  const broken = { desktop: await audit(page) }
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'empty')
  broken.phone = await audit(page)
  await page.setViewportSize(DESKTOP)
  const lines = {}
  for (const topic of ['browser', 'curl', 'shell', 'node', 'python', 'java', 'docker']) {
    await page.getByTestId(`help-${topic}`).click()
    await page.getByTestId('help-system-linux').click()
    await page.locator(`[role=tabpanel][aria-labelledby=help-${topic}]`).waitFor()
    lines[topic] = (await page.getByTestId('help-lines').allInnerTexts()).join('\n')
  }
  const line = await page.getByTestId('connect-curl').innerText()
  const { stdout } = await run('sh', ['-c', line.replace('https://example.com/', secure)])
  await page.getByTestId('flow-row').first().waitFor()
  return { line, stdout, lines, broken, wide }
}

/** What passes while the recording is off is not there afterwards; what passes again is. */
async function recording(page, { curl, origin }) {
  const is = (on) => page.locator(`[data-testid=recording][aria-checked=${on}]`)
  await is(true).click()
  await is(false).waitFor()
  const { stdout } = await request(curl, `${origin}/unrecorded`)
  await is(false).click()
  await is(true).waitFor()
  await request(curl, `${origin}/recorded-again`)
  await complete(page, '/recorded-again').waitFor()
  return { passed: stdout, rows: await rows(page) }
}

/** The program ends and starts again on the same ports while the page is open. */
async function lost(page, { curl, origin, control }) {
  await complete(page, '/two.json').waitFor()
  const before = await rows(page)
  // it is paused, and the next start records again
  await page.getByTestId('recording').click()
  await page.locator('[data-testid=recording][aria-checked=false]').waitFor()
  await fetch(`${control}/stop`)
  await page.getByTestId('lost').waitFor()
  await page.getByTestId('connection-state').getByText('disconnected').waitFor()
  const meanwhile = await rows(page)
  // a part of the page that was not loaded yet is missed in words, and comes when the program is back
  await page.getByTestId('settings-open').click()
  await page.getByTestId('unloaded').getByText('does not answer').waitFor()
  await page.getByTestId('unloaded-again').click()
  await page.getByTestId('unloaded').waitFor()
  await screenshots(page, DESKTOP, 'unloaded')
  await fetch(`${control}/start`)
  await page.getByTestId('connection-state').getByText('live').waitFor()
  await page.getByTestId('lost').waitFor({ state: 'detached' })
  await page.getByTestId('settings-back').click()
  await page.getByTestId('records-again').getByRole('button', { name: 'Go on recording' }).click()
  await page.getByTestId('records-again').waitFor({ state: 'detached' })
  await page.locator('[data-testid=recording][aria-checked=true]').waitFor()
  await request(curl, `${origin}/after`)
  await complete(page, '/after').waitFor()
  return { before, meanwhile, after: await rows(page) }
}

/** The program ends, and another build of it starts in its place, in the middle of work. */
async function rebuilt(page, { curl, origin, control }) {
  await complete(page, '/two.json').waitFor()
  await page.getByTestId('filter').fill('path:/note')
  await row(page, '/two.json').waitFor({ state: 'detached' })
  await row(page, '/note').click()
  await page.getByTestId('flow-list').focus()
  await page.keyboard.press('r')
  await page.getByTestId('replay-header').first().waitFor()
  await page.getByTestId('replay-url').fill(`${origin}/note?sent`)
  await page.getByTestId('replay-send').click()
  await page.getByTestId('replay-version-1').getByText('200').waitFor()
  await page.getByTestId('replay-url').fill(`${origin}/note?half-way`)
  const own = () => page.locator('script[type=module][src]').getAttribute('src')
  const before = await own()
  await page.evaluate(() => (globalThis.loaded = 'once'))
  await fetch(`${control}/stop`)
  await page.getByTestId('lost').waitFor()
  await fetch(`${control}/start`)
  await page.getByTestId('outdated').waitFor()
  const said = await page.getByTestId('outdated').innerText()
  await screenshots(page, DESKTOP, 'outdated')
  const broken = await audit(page)
  // nothing happens until it is wanted: what was there still works
  const loaded = await page.evaluate(() => globalThis.loaded)
  await page.getByTestId('outdated-reload').click()
  await page.waitForFunction(() => globalThis.loaded === undefined)
  await page.getByTestId('replay-header').first().waitFor()
  await page.getByTestId('connection-state').getByText('live').waitFor()
  await page.getByTestId('replay-version-1').getByText('200').waitFor()
  const kept = { url: await page.getByTestId('replay-url').inputValue(), outdated: await page.getByTestId('outdated').count() }
  await page.getByTestId('replay-send').click()
  await page.getByTestId('replay-version-2').getByText('200').waitFor()
  await page.getByTestId('replay-back').click()
  await page.locator('[data-testid=detail][data-id]').waitFor()
  kept.filter = await page.getByTestId('filter').inputValue()
  kept.rows = await rows(page)
  return { said, broken, loaded, before, after: await own(), kept }
}

/** Servers and the program itself go away in the middle of flows. */
async function flight(page, { curl, control }) {
  await complete(page, '/two.json').waitFor()
  let cut
  const server = createServer((asked, answer) => {
    if (asked.url === '/waits') return
    answer.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1000 })
    answer.write('half of it')
    if (asked.url === '/half') cut = () => answer.destroy()
  })
  await new Promise((listens) => server.listen(0, '127.0.0.1', listens))
  const at = `http://localhost:${server.address().port}`
  const clients = ['half', 'waits', 'sends'].map((path) => request(curl, `${at}/${path}`).catch((error) => error.code))
  const state = (path, state) => row(page, path).and(page.locator(`[data-state=${state}]`))
  for (const path of ['/half', '/waits', '/sends']) await state(path, 'running').waitFor()
  await open(page, '/half')
  await page.getByTestId('story').getByText('still sending').waitFor()
  cut()
  await state('/half', 'failed').waitFor()
  const seen = { half: await page.getByTestId('failure').innerText() }
  await open(page, '/sends')
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body-text').getByText('half of it').waitFor()
  await fetch(`${control}/stop`)
  await page.getByTestId('lost').waitFor()
  seen.still = { rows: await rows(page), body: await page.getByTestId('body-text').locator('[data-line] .text').first().innerText() }
  seen.clients = await Promise.all(clients)
  await fetch(`${control}/start`)
  await page.getByTestId('connection-state').getByText('live').waitFor()
  for (const path of ['/waits', '/sends']) await state(path, 'interrupted').waitFor()
  seen.half2 = await state('/half', 'failed').count()
  seen.arrival = await page.getByTestId('body-arrival').innerText()
  await page.getByTestId('tab-overview').click()
  await page.getByTestId('story').getByText('overhear stopped').waitFor()
  seen.story = await page.getByTestId('story').innerText()
  seen.rows = await rows(page)
  await screenshots(page, DESKTOP, 'flight')
  server.closeAllConnections()
  server.close()
  return seen
}
