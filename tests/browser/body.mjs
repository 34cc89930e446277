// Bodies looked at in their views.
import { audit, DESKTOP, open, PHONE, row, screenshots, steps } from './shared.mjs'

await steps({ kinds, views, preview, walk, large })

async function body(page, path) {
  const one = row(page, path)
  await one.waitFor()
  await open(page, path)
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body').waitFor()
}

/** The lines of the text that is shown, without numbers and signs beside them. */
async function lines(page) {
  const rows = page.getByTestId('body-text').locator('[data-line] .text')
  await rows.first().waitFor()
  return (await rows.allTextContents()).map((line) => line.replace(/\n$/, '').trimStart())
}

async function kinds(page) {
  const seen = {}
  const asLines = ['/nd.json', '/style.css', '/script.js', '/list.xml', '/proto', '/pack', '/cbor', '/latin.txt', '/broken.cbor', '/right.json', '/grpc', '/cut.grpc']
  for (const path of asLines) {
    await body(page, path)
    seen[path] = await lines(page)
  }
  await body(page, '/broken.cbor')
  seen['/broken.cbor note'] = await page.getByTestId('body-note').innerText()
  for (const [path, id, word] of [['/picture.png', 'image', '1 × 1'], ['/photo.jpg', 'image', '16 × 8'], ['/drawing.svg', 'image', '30 × 20'], ['/paper.pdf', 'pdf', 'PDF 1.7'], ['/sound.wav', 'media', '1.0 s']]) {
    await body(page, path)
    const view = page.getByTestId(`body-${id}`)
    await view.getByText(word).first().waitFor()
    seen[path] = await view.innerText()
  }
  await body(page, '/photo.jpg')
  // the browser draws it, too: nothing in it is broken
  seen.drawn = await page.getByTestId('body-image').locator('img').evaluate((image) => [image.naturalWidth, image.naturalHeight])
  await screenshots(page, DESKTOP, 'photo')
  await body(page, '/paper.pdf')
  seen.viewer = await page.evaluate(() => navigator.pdfViewerEnabled)
  if (seen.viewer) {
    const drawn = page.waitForResponse((response) => response.url().includes('/preview?pdf=true'))
    await page.getByTestId('body-pdf-show').click()
    await page.getByTestId('body-pdf-pages').waitFor()
    seen.pdf = (await drawn).headers()
  } else await page.getByText('no viewer of its own').waitFor()
  await body(page, '/graphql')
  seen['/graphql'] = await lines(page)
  await screenshots(page, DESKTOP, 'graphql')
  await body(page, '/batch')
  await page.getByTestId('body-text').getByText('operation Second').waitFor()
  seen['/batch'] = await lines(page)
  await body(page, '/cut.grpc')
  seen['/cut.grpc note'] = await page.getByTestId('body-note').innerText()
  await body(page, '/letters.ttf')
  await page.locator('[data-testid=body-font][data-loaded=true]').waitFor()
  seen['/letters.ttf'] = await page.getByTestId('body-font').innerText()
  // the specimen is drawn with the recorded font: its name is known to the page, and the face is loaded
  seen.face = await page.evaluate(() => {
    const name = getComputedStyle(document.querySelector('[data-testid=body-font] .letters')).fontFamily
    return [...document.fonts].filter((face) => face.family.replaceAll('"', '') === name.replaceAll('"', '')).map((face) => face.status)
  })
  await screenshots(page, DESKTOP, 'font')
  await body(page, '/broken.ttf')
  await page.getByTestId('body-font').getByText('cannot use this font').waitFor()
  await body(page, '/form')
  seen['/form'] = await page.getByTestId('body-form').innerText()
  await body(page, '/upload')
  await page.getByTestId('body-part').last().getByText('"inside"').waitFor()
  seen['/upload'] = await page.getByTestId('body-parts').innerText()
  await screenshots(page, DESKTOP, 'parts')
  return seen
}

/** The views as assistive technology meets them, wide and on a phone. */
async function views(page) {
  const broken = {}
  const places = [['/right.json', 'json'], ['/list.xml', 'source'], ['/upload', 'multipart'], ['/form', 'form'], ['/picture.png', 'image'], ['/sound.wav', 'media'], ['/paper.pdf', 'pdf'], ['/graphql', 'graphql'], ['/proto', 'tree'], ['/letters.ttf', 'font'], ['/latin.txt', 'text'], ['/latin.txt', 'hex']]
  for (const [path, view] of places) {
    await body(page, path)
    await page.getByTestId(`body-view-${view}`).click()
    await page.locator(`.body[data-view=${view}]`).waitFor()
    broken[view] = await audit(page, '[data-testid=detail]')
  }
  await page.setViewportSize(PHONE)
  broken.phone = await audit(page)
  broken.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'hex')
  await page.setViewportSize(DESKTOP)
  return broken
}

async function preview(page) {
  await body(page, '/page')
  await page.getByTestId('body-view-preview').click()
  const frame = page.frameLocator('[data-testid=body-preview]')
  const heading = frame.locator('h1')
  await heading.waitFor()
  const seen = { heading: await heading.innerText(), colour: await heading.evaluate((element) => getComputedStyle(element).color), title: await page.title() }
  await screenshots(page, DESKTOP, 'preview')
  return seen
}

async function walk(page) {
  await body(page, '/small')
  const text = page.getByTestId('body-text')
  await text.getByText('needle').click()
  const path = () => page.getByTestId('body-path').locator('.path').innerText()
  await page.getByTestId('body-path').waitFor()
  const seen = { path: await path() }
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  const copied = async (button, said) => {
    await page.getByTestId(button).click()
    await page.getByTestId('notice').getByText(said, { exact: true }).waitFor()
    return page.evaluate(() => navigator.clipboard.readText())
  }
  seen.copied = [
    await copied('body-copy-path', 'The path is copied.'),
    await copied('body-copy-jq', 'The path is copied for jq.'),
    await copied('body-copy-value', 'The value is copied.'),
  ]
  // the same from the menu of the line
  await text.getByText('needle').click({ button: 'right' })
  await page.getByTestId('menu-copy-path').click()
  await page.getByTestId('menu').waitFor({ state: 'detached' })
  seen.menu = await page.evaluate(() => navigator.clipboard.readText())
  await text.focus()
  await page.keyboard.press('ArrowLeft')
  await page.getByTestId('body-path').getByText("$.list[1]['x y']", { exact: true }).waitFor()
  seen.parent = await path()
  await page.getByTestId('body-fold').click()
  await text.getByText('needle').waitFor({ state: 'detached' })
  seen.folded = (await text.getByText('lines').count()) > 0 ? 1 : 0
  await page.getByTestId('body-unfold').click()
  await text.getByText('needle').waitFor()
  return seen
}

async function large(page) {
  await body(page, '/large')
  const first = (await lines(page))[0]
  await page.getByTestId('body-rest').waitFor()
  const count = page.getByTestId('body-search-count')
  await page.getByTestId('body-search').fill('"ITEM ')
  await count.getByText('in all').waitFor()
  const seen = { first, count: await count.innerText() }
  await page.getByTestId('body-view-hex').click()
  await page.getByTestId('body-search').fill('item 199999')
  await count.getByText('1 of 1').waitFor()
  seen.bytes = await count.innerText()
  const found = page.getByTestId('body-hex').locator('mark.looked').first()
  await found.waitFor()
  const row = page.getByTestId('body-hex').locator('.row').filter({ has: page.locator('mark.looked') })
  seen.found = (await row.locator('.ascii mark').allTextContents()).join('')
  await screenshots(page, DESKTOP, 'hex')
  return seen
}
