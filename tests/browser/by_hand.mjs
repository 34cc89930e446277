// A person says something in a WebSocket that a client and a server have opened.
import { spawn } from 'node:child_process'
import { audit, DESKTOP, open, PHONE, row, screenshots, steps } from './shared.mjs'

await steps({ written })

/** A client of the WebSocket: says what it is told, and what it hears. */
function talk(input) {
  const child = spawn(input.python, input.client, { stdio: ['pipe', 'pipe', 'inherit'] })
  let out = ''
  const waiters = new Set()
  child.stdout.on('data', (piece) => {
    out += piece
    for (const look of waiters) look()
  })
  const heard = () => out.split('\n').slice(0, -1).map((line) => JSON.parse(line))
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
  return { say: (text) => child.stdin.write(`${JSON.stringify(text)}\n`), hears, ended }
}

async function written(page, input) {
  const client = talk(input)
  await client.hears(1)
  await row(page, '/talk').waitFor()
  await open(page, '/talk')
  await page.getByTestId('tab-messages').click()
  const list = page.getByTestId('message')
  await list.filter({ hasText: 'welcome None' }).waitFor()
  const box = page.getByTestId('by-hand-text')
  const send = page.getByTestId('by-hand-send')
  const broken = { empty: await audit(page, '[data-testid=detail]') }

  // to the client
  await page.getByTestId('by-hand-to-client').click()
  const names = [await box.getAttribute('aria-label')]
  await box.fill('to you')
  await send.click()
  await client.hears(2)
  await list.filter({ hasText: 'to you' }).waitFor()
  // to the server, by keys alone: the choice, the text, the stroke
  await page.getByTestId('by-hand-to-client').focus()
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.type('by hand')
  await page.keyboard.press('Enter')
  await page.keyboard.type('in two lines')
  await page.keyboard.press('Control+Enter')
  await page.getByTestId('by-hand-said').getByText('Sent to the server.').waitFor({ state: 'attached' })
  const said = await page.getByTestId('by-hand-said').textContent()
  await client.hears(3)
  await list.nth(3).waitFor()
  const emptied = await box.inputValue()
  const focused = await page.evaluate(() => document.activeElement.dataset.testid)
  // bytes
  await page.getByTestId('by-hand-as-hex').click()
  await box.fill('00 xx')
  await page.getByTestId('by-hand-problem').waitFor()
  const wrong = await page.getByTestId('by-hand-problem').innerText()
  broken.wrong = await audit(page, '[data-testid=detail]')
  await box.fill('00 ff 10')
  await send.click()
  await client.hears(4)
  // the client goes on as ever
  client.say('of my own')
  await client.hears(5)
  await list.nth(7).waitFor()
  await page.getByTestId('by-hand-to-client').click()
  await page.getByTestId('by-hand-as-base64').click()
  names.push(await box.getAttribute('aria-label'))
  await box.fill('AQI=')
  await send.click()
  const heard = await client.hears(6)
  await list.nth(8).waitFor()
  // who sent it
  const titles = []
  for (const at of [1, 2]) {
    await list.nth(at).click()
    titles.push(await page.getByTestId('message-by-hand').innerText())
  }
  broken.one = await audit(page, '[data-testid=detail]')
  await screenshots(page, DESKTOP, 'by-hand')
  await page.getByRole('button', { name: 'Close the message' }).click()
  const shown = await list.evaluateAll((rows) =>
    rows.map((one) => `${one.querySelector('.side').firstChild.textContent} ${one.querySelector('.preview').textContent}`),
  )
  // what is being written outlives a look elsewhere
  await page.getByTestId('by-hand-as-text').click()
  await box.fill('never sent')
  await page.getByTestId('tab-overview').click()
  await page.getByTestId('tab-messages').click()
  const kept = await box.inputValue()
  await page.setViewportSize(PHONE)
  await list.nth(2).waitFor()
  await screenshots(page, PHONE, 'by-hand')
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  broken.phone = await audit(page, '[data-testid=detail]')
  await page.setViewportSize(DESKTOP)
  // once it has ended, nothing can be said
  client.say(null)
  await client.ended
  await page.getByTestId('by-hand-over').waitFor()
  const over = await page.getByTestId('by-hand-over').innerText()
  const disabled = [await box.isDisabled(), await send.isDisabled()]
  broken.over = await audit(page, '[data-testid=detail]')
  await screenshots(page, DESKTOP, 'by-hand-over')
  await page.getByTestId('tab-changes').click()
  await page.getByTestId('changes-message').nth(3).waitFor()
  const changes = await page.getByTestId('changes-messages').innerText()
  return { heard, list: shown, titles, said, emptied, focused, wrong, kept, names, over, disabled, changes, wide, broken }
}
