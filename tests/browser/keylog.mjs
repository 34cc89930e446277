// Key logs dropped beside the captures that they open, and later.
import { basename } from 'node:path'
import { readFile } from 'node:fs/promises'
import { audit, DESKTOP, PHONE, row, rows, screenshots, steps } from './shared.mjs'

await steps({ together, later })

/** Drops files onto the page, all at once. */
async function drop(page, ...paths) {
  const files = await Promise.all(paths.map(async (path) => [basename(path), (await readFile(path)).toString('base64')]))
  const data = await page.evaluateHandle((files) => {
    const data = new DataTransfer()
    for (const [name, base64] of files) data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name))
    return data
  }, files)
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: data })
  await page.getByTestId('drop-target').waitFor()
  await page.dispatchEvent('body', 'drop', { dataTransfer: data })
}

/** Opens the session of a result, and closes the dialog. */
async function opened(page) {
  await page.getByTestId('import-open-session').last().click()
  await page.getByTestId('session-banner').waitFor()
}

/** The paths of the requests in the list. */
async function paths(page) {
  await row(page, '/upload').waitFor()
  return (await rows(page)).filter((path) => path.startsWith('/')).sort()
}

async function together(page, { file, keys }) {
  await drop(page, file, keys)
  await page.getByTestId('import-result').waitFor()
  const used = await page.getByTestId('import-keys').innerText()
  await opened(page)
  return { used, paths: await paths(page) }
}

async function later(page, { file, keys, other }) {
  await drop(page, file)
  await page.getByTestId('import-result').waitFor()
  await opened(page)
  await row(page, 'TLS handshake').waitFor()
  await row(page, '/upload').waitFor({ state: 'detached' })
  const before = (await rows(page)).sort()

  await drop(page, other)
  await page.getByTestId('import-keys-decrypt').click()
  const wrong = await page.getByTestId('import-error').innerText()
  await screenshots(page, DESKTOP, 'keylog-wrong')
  await page.keyboard.press('Escape')
  await page.getByTestId('import').waitFor({ state: 'detached' })

  await drop(page, keys)
  await page.getByTestId('import-keys-capture').selectOption({ index: 0 })
  await page.getByTestId('import-keys-decrypt').click()
  await page.getByTestId('import-result').waitFor()
  const used = await page.getByTestId('import-keys').innerText()
  await screenshots(page, DESKTOP, 'keylog')
  const broken = await audit(page)
  await page.setViewportSize(PHONE)
  const wide = await page.evaluate(() => {
    const dialog = document.querySelector('[data-testid=import]')
    return document.documentElement.scrollWidth + dialog.scrollWidth - dialog.clientWidth
  })
  broken.push(...(await audit(page)))
  await screenshots(page, PHONE, 'keylog')
  await page.setViewportSize(DESKTOP)
  await opened(page)
  const found = await paths(page)
  await row(page, '/upload').click()
  await page.getByTestId('tab-packets').click()
  await page.locator('[data-testid=packets][data-count]').waitFor()
  const packets = Number(await page.getByTestId('packets').getAttribute('data-count'))
  return { before, wrong, used, broken, wide, paths: found, packets }
}
