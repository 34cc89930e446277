// What the scripts that drive the program's own page share: a browser on the page, steps, and what must not happen.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { launch, main } from './chromium.mjs'

export const DESKTOP = { width: 1440, height: 900 }
/** How long anything that ought to happen soon may take, on a machine that is busy with other tests: milliseconds. */
export const PATIENCE = 90_000
export const PHONE = { width: 390, height: 844 }

/**
 * Opens the page by its link and goes through the wanted steps, each `(page, input) => what it saw`. The result holds
 * that by name, the address of the page after the link was used, and `troubles`, which ought to be empty.
 */
export function steps(all) {
  return main(async ({ link, steps, ...input }) => {
    const browser = await launch()
    const context = await browser.newContext({ viewport: DESKTOP, acceptDownloads: true, hasTouch: true })
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE)
    const troubles = watch(page, new URL(link).origin)
    await page.goto(link)
    if (process.env.PAGE) await showFrom(page, process.env.PAGE)
    await page.getByTestId('connection-state').getByText('live').waitFor()
    const seen = { address: page.url(), troubles }
    for (const step of steps) seen[step] = await all[step](page, input)
    seen.owned = await page.evaluate(() => globalThis.owned ?? null)
    await browser.close()
    return seen
  })
}

/** The page from a folder that vite built, on the program that runs: a change of the page is tried without a compilation. */
async function showFrom(page, folder) {
  await page.route(
    ({ pathname }) => pathname === '/' || pathname.startsWith('/assets/'),
    (route) => {
      const { pathname } = new URL(route.request().url())
      const path = join(folder, pathname === '/' ? 'index.html' : pathname)
      // the page that the program has inside may still be loading a part of its own
      return existsSync(path) ? route.fulfill({ path }) : route.continue()
    },
  )
  await page.goto(new URL('/', page.url()).href)
}

/** What must not happen, as it happens: scripts that fail, dialogs, requests to elsewhere, content refused. */
function watch(page, own) {
  const troubles = []
  page.on('pageerror', (error) => troubles.push(String(error)))
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    // what is half written is asked about, too: the answer to a wrong filter or rule has status 400, of which the browser tells
    const half = /[?&]filter=|\/api\/rules\/preview$/.test(message.location().url)
    const expected = half && message.text().includes('400')
    if (message.type() === 'error' && !expected) troubles.push(`${message.text()} ${message.location().url}`)
  })
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(`${own}/`) && !/^(data|blob|chrome|chrome-extension):/.test(url)) troubles.push(`request: ${url}`)
  })
  return troubles
}

/** Writes a file that somebody watches: it is never there half. */
export async function save(file, text) {
  await writeFile(`${file}.whole`, text)
  await rename(`${file}.whole`, file)
}

/** Waits until an asynchronous question to the page is answered with yes; `waitForFunction` takes the promise itself for one. */
export async function eventually(page, asks, argument) {
  const end = performance.now() + PATIENCE
  while (!(await page.evaluate(asks, argument))) {
    if (performance.now() > end) throw new Error(`waited in vain for ${asks}`)
    await page.evaluate(() => new Promise((soon) => setTimeout(soon, 20)))
  }
}

/** The row of the list that holds a text. */
export function row(page, text) {
  return page.getByTestId('flow-row').filter({ hasText: text })
}

/** The paths of the rows in view. */
export function rows(page) {
  return page.getByTestId('flow-row').locator('.path .text').allInnerTexts()
}

/** Opens the detail of the row that holds a text. */
export async function open(page, text) {
  const one = row(page, text)
  const id = await one.getAttribute('data-id')
  await one.click()
  await page.locator(`[data-testid=detail][data-id="${id}"]`).waitFor()
}

/** Waits until the rows in view are these paths, in this order. */
export async function shows(page, paths) {
  await page.waitForFunction((wanted) => {
    const texts = [...document.querySelectorAll('[data-testid=flow-row] .path .text')].map((text) => text.textContent)
    return JSON.stringify(texts) === wanted
  }, JSON.stringify(paths))
  return rows(page)
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What of WCAG 2.1 A and AA is broken in what is shown (or in one part of it), in light and in dark. */
export async function audit(page, part = 'body') {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE)
  const broken = []
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const found = await page.evaluate(async (part) => {
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']
      const { violations, passes } = await globalThis.axe.run(part, { runOnly: { type: 'tag', values: tags } })
      if (!passes.some(({ id }) => id === 'color-contrast')) return ['nothing was looked at']
      return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`))
    }, part)
    broken.push(...found.map((text) => `${colorScheme}: ${text}`))
  }
  await page.emulateMedia({ colorScheme: 'light' })
  return broken
}

/** Light and dark. */
export async function screenshots(page, viewport, name) {
  const folder = process.env.SCREENSHOTS
  mkdirSync(folder, { recursive: true })
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    await page.screenshot({ path: `${folder}/${name}-${viewport.width}-${colorScheme}.png` })
  }
}
