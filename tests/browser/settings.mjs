// Every row of the settings: read, refused, changed, and back to the default.
import { readFile } from 'node:fs/promises'
import { audit, DESKTOP, PHONE, screenshots, steps } from './shared.mjs'

await steps({ every })

/** `values` has for each key what is wrong and what is right, as a person types it. */
async function every(page, { values }) {
  const api = () => page.evaluate(async () => (await fetch('/api/settings')).json())
  const saved = async () => Object.fromEntries((await api()).items.map((item) => [item.key, item.saved]))
  await page.getByTestId('settings-open').click()
  const rows = page.getByTestId('setting')
  await rows.first().waitFor()
  const seen = { keys: await rows.evaluateAll((all) => all.map((one) => one.dataset.key)), shown: {}, refused: {}, changed: {} }
  for (const key of seen.keys) {
    const one = page.locator(`[data-testid=setting][data-key="${key}"]`)
    const field = one.getByTestId('setting-field')
    seen.shown[key] = { text: await one.innerText(), named: await field.evaluate((field) => field.labels[0].textContent), helped: await field.evaluate((field) => document.getElementById(field.getAttribute('aria-describedby')).textContent) }
    const [wrong, right] = values[key]
    if (typeof right === 'boolean') {
      await field.setChecked(right)
      await one.getByTestId('setting-reset').waitFor()
    } else {
      await field.fill(wrong)
      await one.getByTestId('setting-save').click()
      seen.refused[key] = await one.getByTestId('setting-error').innerText()
      if (key === 'listen') {
        await screenshots(page, DESKTOP, 'settings-refused')
        seen.broken = await audit(page)
      }
      await field.fill(right)
      await one.getByTestId('setting-save').click()
      await one.getByTestId('setting-error').waitFor({ state: 'detached' })
      await one.getByTestId('setting-reset').waitFor()
    }
    seen.changed[key] = await one.innerText()
  }
  seen.saved = await saved()
  const { config_file } = await api()
  seen.file = await readFile(config_file, 'utf8')
  await screenshots(page, { width: 1441 }, 'settings-changed')
  await page.setViewportSize(PHONE)
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'settings-changed')
  await page.setViewportSize(DESKTOP)
  for (const key of seen.keys) {
    const one = page.locator(`[data-testid=setting][data-key="${key}"]`)
    await one.getByTestId('setting-reset').click()
    await one.getByTestId('setting-reset').waitFor({ state: 'detached' })
  }
  seen.after = await saved()
  seen.empty = await readFile(config_file, 'utf8')
  await page.getByTestId('settings-back').click()
  return seen
}
