// All packets of a capture, also one in which nothing makes a flow.
import { basename } from 'node:path'
import { readFile } from 'node:fs/promises'
import { audit, DESKTOP, PHONE, screenshots, steps } from './shared.mjs'

await steps({ kept })

async function drop(page, path) {
  const base64 = (await readFile(path)).toString('base64')
  const data = await page.evaluateHandle(([name, base64]) => {
    const data = new DataTransfer()
    data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name))
    return data
  }, [basename(path), base64])
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: data })
  await page.getByTestId('drop-target').waitFor()
  await page.dispatchEvent('body', 'drop', { dataTransfer: data })
}

/** The numbers and lines of the packets in view, once there are so many. */
async function packets(page, count) {
  await page.locator(`[data-testid=capture][data-count="${count}"]`).waitFor()
  const rows = page.getByTestId('packet')
  return rows.evaluateAll((rows) => rows.map((row) => [Number(row.dataset.number), row.querySelector('.line').innerText]))
}

async function kept(page, { file, count, arps }) {
  await drop(page, file)
  const result = await page.getByTestId('import-result').innerText()
  await page.getByTestId('import-open-packets').click()
  const all = await packets(page, count)
  await page.getByTestId('packet').first().click()
  await page.locator('[data-testid=packet-detail][data-number="1"]').waitFor()
  const layers = await page.getByTestId('packet-detail').innerText()
  await page.keyboard.press('ArrowDown')
  await page.locator('[data-testid=packet-detail][data-number="2"]').waitFor()
  await page.reload()
  await page.locator('[data-testid=packet-detail][data-number="2"]').waitFor()
  const broken = await audit(page)
  await screenshots(page, DESKTOP, 'kept')
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  broken.push(...(await audit(page)))
  await screenshots(page, PHONE, 'kept')
  await page.setViewportSize(DESKTOP)

  // by numbers: sorted, and from a row to its packets
  await page.getByTestId('capture-view-conversations').click()
  const table = page.getByTestId('capture-table')
  await page.locator('[data-testid=capture-table][data-rows]').waitFor()
  const cells = () => table.locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('th, td:not(.choose)')].slice(0, 5).map((cell) => cell.innerText)))
  await page.getByTestId('capture-sort-packets').click()
  await page.getByTestId('capture-sort-b').click()
  const talks = await cells()
  const sorted = await table.locator('th[aria-sort=ascending]').innerText()
  broken.push(...(await audit(page)))
  await screenshots(page, DESKTOP, 'kept-conversations')
  await page.setViewportSize(PHONE)
  const narrow = await page.evaluate(() => document.documentElement.scrollWidth)
  broken.push(...(await audit(page)))
  await screenshots(page, PHONE, 'kept-conversations')
  await page.getByTestId('capture-view-protocols').click()
  await page.locator('[data-testid=capture-row] td[data-col=packets]').first().waitFor()
  const protocols = await table.locator('tbody tr').evaluateAll((all) => all.map((row) => [row.querySelector('th').innerText, row.querySelector('[data-col=packets]').innerText]))
  await screenshots(page, PHONE, 'kept-protocols')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('capture-view-endpoints').click()
  await table.getByRole('columnheader', { name: 'Address' }).waitFor()
  const endpoints = await cells()
  await page.getByTestId('capture-view-conversations').click()
  await table.getByRole('columnheader', { name: 'Protocol' }).waitFor()
  const expression = page.getByTestId('capture-expression')
  await table.locator('tr', { hasText: 'icmp' }).getByTestId('capture-choose').click()
  const chosen = [await expression.inputValue(), (await packets(page, 1)).map(([number]) => number)]

  await expression.fill('arp')
  await expression.press('Enter')
  const some = await packets(page, arps)
  await expression.fill('arp and prot 5')
  await expression.press('Enter')
  const wrong = await page.getByTestId('capture').getByRole('alert').innerText()

  await page.getByTestId('capture-back').click()
  const row = page.getByTestId('kept-capture')
  await row.waitFor()
  const listed = await row.innerText()
  await screenshots(page, DESKTOP, 'kept-sessions')
  broken.push(...(await audit(page)))
  const remove = page.getByTestId('kept-capture-delete')
  await remove.click()
  const asked = await remove.innerText()
  await remove.click()
  await row.waitFor({ state: 'detached' })
  return { result, all, layers, broken, wide, narrow, talks, sorted, protocols, endpoints, chosen, some, wrong, listed, asked }
}
