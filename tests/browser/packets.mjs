// Packets in the page: a capture is dropped, its packets are looked at, drawn, followed.
import { readFile } from 'node:fs/promises'
import { audit, DESKTOP, open, PHONE, screenshots, steps } from './shared.mjs'

await steps({ dropped, refused })

function rows(page) {
  return page.getByTestId('packet')
}

/** Drops a file onto the page, as its bytes. */
async function drop(page, name, content) {
  const data = await page.evaluateHandle(
    ([name, base64]) => {
      const data = new DataTransfer()
      data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name))
      return data
    },
    [name, content.toString('base64')],
  )
  await page.dispatchEvent('main', 'dragenter', { dataTransfer: data })
  await page.getByTestId('drop-target').waitFor()
  await page.dispatchEvent('main', 'drop', { dataTransfer: data })
  await page.getByTestId('drop-target').waitFor({ state: 'detached' })
}

/** A capture is dropped; a TCP flow of it is opened, and everything about its packets looked at. */
async function dropped(page, { file, port }) {
  await drop(page, 'talk.pcapng', await readFile(file))
  const result = await page.getByTestId('import-result').innerText()
  await page.getByTestId('import-open-session').click()
  await page.getByTestId('session-banner').waitFor()
  await open(page, `:${port}`)
  await page.getByTestId('tab-packets').click()
  await page.locator('[data-testid=packets][data-count]').waitFor()
  const count = Number(await page.getByTestId('packets').getAttribute('data-count'))

  // one packet, by key: the first with data
  const list = page.getByRole('listbox', { name: 'Packets' })
  await list.focus()
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown')
  const chosen = rows(page).and(page.locator('[aria-selected=true]'))
  const number = Number(await chosen.getAttribute('data-number'))
  const line = await chosen.locator('.line').innerText()
  const side = await chosen.getAttribute('data-side')
  const detail = page.locator(`[data-testid=packet-detail][data-number="${number}"]`)
  await detail.waitFor()

  // its layers, by key: TCP is opened, its sequence number stood on
  const tree = page.getByTestId('packet-layers')
  await tree.focus()
  await page.keyboard.press('Home')
  for (let i = 0; i < 50; i++) {
    const at = tree.locator('[aria-selected=true]')
    if ((await at.getAttribute('data-path')) === 'TCP') break
    await page.keyboard.press('ArrowDown')
  }
  const tcp = tree.locator('[data-path="TCP"]')
  if ((await tcp.getAttribute('aria-expanded')) !== 'true') await page.keyboard.press('ArrowRight')
  await tree.locator('[data-path^="TCP/"]').first().waitFor()
  const fields = await tree.locator('[data-path^="TCP/"]').evaluateAll((all) => Object.fromEntries(all.map((one) => [one.dataset.path.slice(4), one.querySelector('.value').innerText])))
  await tree.locator('[data-path="TCP/Source port"]').click()
  const marked = (await detail.locator('.row .bytes mark').allInnerTexts()).join(' ').trim()

  // the byte behind it is of the destination port; the outer layers were closed
  const hex = detail.getByTestId('body-hex')
  const mark = hex.locator('.bytes mark').last()
  const box = await mark.boundingBox()
  await page.mouse.click(box.x + box.width + 14, box.y + box.height / 2)
  await tree.locator('[data-path="TCP/Destination port"][aria-selected=true]').waitFor()
  const ascii = (await hex.locator('.ascii').allInnerTexts()).join('')

  await screenshots(page, DESKTOP, 'packets')
  const broken = { packet: await audit(page, '[data-testid=packets]') }
  await page.setViewportSize(PHONE)
  const wide = { packet: await page.evaluate(() => document.documentElement.scrollWidth) }
  broken['packet, phone'] = await audit(page)
  await screenshots(page, PHONE, 'packets')
  await page.setViewportSize(DESKTOP)
  const address = page.url()

  // what they tell: a graph, its points, and from one of them to its packet
  const curve = (look) => page.getByTestId(`curve-${look}`)
  const points = async (look) => Number(await curve(look).getAttribute('data-points'))
  await page.getByTestId('packets-view-graphs').click()
  await curve('sent').waitFor()
  const graphs = { sent: await points('sent'), again: await points('again'), late: await points('late'), acknowledged: await points('acknowledged') }
  const plot = page.getByRole('application')
  await plot.focus()
  for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight')
  const point = await page.getByTestId('chart-point').innerText()
  await screenshots(page, DESKTOP, 'sequence')
  broken.graph = await audit(page, '[data-testid=packets]')
  await page.setViewportSize(PHONE)
  wide.graph = await page.evaluate(() => document.documentElement.scrollWidth)
  broken['graph, phone'] = await audit(page)
  await screenshots(page, PHONE, 'sequence')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('graph-throughput').click()
  await curve('rate').waitFor()
  graphs.rate = await points('rate')
  await screenshots(page, DESKTOP, 'throughput')
  await page.getByTestId('graph-rtt').click()
  await curve('rtt').waitFor()
  graphs.rtt = await points('rtt')
  await screenshots(page, DESKTOP, 'rtt')
  await page.getByText('The points as a table').click()
  graphs.table = await page.getByTestId('graph-table').locator('tbody tr').count()
  await page.getByTestId('packets-view-counts').click()
  await page.getByTestId('counts').waitFor()
  const counts = await page.getByTestId('counts').locator('tbody tr').evaluateAll((all) => Object.fromEntries(all.map((row) => [row.querySelector('th').firstChild.textContent, [...row.querySelectorAll('td')].map((cell) => cell.innerText)])))
  await screenshots(page, DESKTOP, 'counts')
  broken.counts = await audit(page, '[data-testid=packets]')
  await page.setViewportSize(PHONE)
  wide.counts = await page.evaluate(() => document.documentElement.scrollWidth)
  broken['counts, phone'] = await audit(page)
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('packets-view-graphs').click()
  await page.getByTestId('graph-sequence').click()
  await curve('sent').waitFor()
  await plot.focus()
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight')
  const told = Number(/packet (\d+)/.exec(await page.getByTestId('chart-point').innerText())[1])
  await page.keyboard.press('Enter')
  await page.locator(`[data-testid=packet-detail][data-number="${told}"]`).waitFor()

  const download = page.waitForEvent('download')
  await page.getByTestId('packets-download').click()
  await (await download).saveAs(`${file}.own`)

  // what both sides said
  await page.getByTestId('tab-messages').click()
  await page.getByTestId('messages-form-stream').click()
  const shown = page.locator('[data-testid=follow][data-done]')
  await shown.waitFor()
  const lines = () => shown.locator('[data-testid=body-text] [data-line]').evaluateAll((all) => all.map((row) => `${row.dataset.side} ${row.querySelector('.text').textContent.trimEnd()}`))
  const follow = { text: await lines() }
  await page.getByTestId('follow-form-json').click()
  await shown.locator('[role=tree]').waitFor()
  follow.json = await lines()
  await screenshots(page, DESKTOP, 'follow')
  broken.follow = await audit(page, '[data-testid=messages]')
  await page.setViewportSize(PHONE)
  wide.follow = await page.evaluate(() => document.documentElement.scrollWidth)
  broken['follow, phone'] = await audit(page)
  await screenshots(page, PHONE, 'follow')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('body-search').fill('hello')
  await page.getByTestId('body-search-count').getByText('1 of').waitFor()
  follow.found = await page.getByTestId('body-search-count').innerText()
  await page.getByTestId('body-search').fill('')
  await page.getByTestId('follow-form-hex').click()
  await shown.locator('[role=tree]').waitFor({ state: 'detached' })
  follow.hex = (await lines()).slice(0, 2)
  await page.getByTestId('follow-side-request').click()
  await shown.locator('[data-side=response]').first().waitFor({ state: 'detached' })
  follow.sides = [...new Set((await lines()).map((line) => line.split(' ')[0]))]
  return { result, count, number, line, side, fields, marked, ascii, address, graphs, point, counts, follow, wide, broken }
}

/** The connection that nobody answered: what the packets show, and the way to them. */
async function refused(page, { closed }) {
  await open(page, `:${closed}`)
  await page.getByTestId('tab-overview').click()
  const finding = page.getByTestId('finding').first()
  await finding.waitFor()
  const cause = await finding.getAttribute('data-cause')
  const text = await finding.innerText()
  await screenshots(page, DESKTOP, 'findings')
  const broken = await audit(page, '[data-testid=detail]')
  const packet = Number(await finding.getByTestId('finding-packet').first().innerText())
  await finding.getByTestId('finding-packet').first().click()
  await page.locator(`[data-testid=packet-detail][data-number="${packet}"]`).waitFor()
  const line = await page.locator(`[data-testid=packet][data-number="${packet}"] .line`).innerText()
  return { cause, text, packet, line, broken }
}
