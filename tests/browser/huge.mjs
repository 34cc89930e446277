// Bodies that are large, moving, or come back to.
import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { DESKTOP, open, row, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ hundred, stepping, returned, film })

async function body(page, path) {
  await row(page, path).and(page.locator('[data-state=complete]')).waitFor()
  await open(page, path)
  await page.getByTestId('tab-body').click()
  await page.getByTestId('body').waitFor()
}

function text(page) {
  return page.getByTestId('body-text')
}

/** The first line that is wholly in view. */
function top(page) {
  return page.evaluate(() => {
    const view = document.querySelector('[data-testid=body] .scroller').getBoundingClientRect()
    const rows = [...document.querySelectorAll('[data-testid=body] .scroller .row')]
    const first = rows.map((row) => [row.getBoundingClientRect().top, row]).filter(([top]) => top >= view.top - 1).sort((a, b) => a[0] - b[0])[0]
    return first[1].innerText.trim().replace(/\s+/g, ' ')
  })
}

/** A hundred megabytes: the first screen, more of it, both ends as bytes, what stands at the end found, all of it taken away. */
async function hundred(page) {
  await body(page, '/hundred')
  await text(page).getByText('line 0 ').first().waitFor()
  const rest = page.getByTestId('body-rest')
  const seen = { rest: await rest.innerText() }
  const count = page.getByTestId('body-search-count')
  await page.getByTestId('body-search').fill('the very end')
  await count.getByText('in all').waitFor()
  seen.beyond = await count.innerText()
  await page.getByTestId('body-search').fill('')
  await page.getByTestId('body-all').click()
  await rest.getByText('More than that').waitFor()
  seen.most = await rest.innerText()
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=body-text]').dataset.lines) > 300_000)
  seen.lines = await text(page).evaluate((text) => Number(text.dataset.lines))
  await page.getByTestId('body-view-hex').click()
  const hex = page.getByTestId('body-hex')
  await hex.getByText('line 0 ').first().waitFor()
  // a key that comes while the rows are being made is pressed again
  let end = ''
  for (const late = performance.now() + 60_000; !end.endsWith('the very end'); ) {
    if (performance.now() > late) throw new Error(`the last row says ${JSON.stringify(end.slice(-40))}`)
    await hex.locator('.scroller').focus()
    await page.keyboard.press('End')
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
    // it may stand in two rows
    end = (await hex.locator('.row .ascii').allTextContents()).join('')
  }
  seen.last = end.slice(-20)
  await page.keyboard.press('Home')
  await hex.getByText('line 0 ').first().waitFor()
  await page.getByTestId('body-search').fill('the very end')
  await count.getByText('1 of 1').waitFor()
  const mark = hex.locator('mark.looked').first()
  await mark.waitFor()
  seen.found = (await hex.locator('.row').filter({ has: page.locator('mark.looked') }).locator('.ascii mark').allTextContents()).join('')
  await screenshots(page, DESKTOP, 'hundred')
  await page.getByTestId('body-search').fill('')
  const download = page.waitForEvent('download')
  await page.getByTestId('body-download').click()
  const hash = createHash('sha256')
  for await (const part of createReadStream(await (await download).path())) hash.update(part)
  seen.sha256 = hash.digest('hex')
  // the body is not held by the page once another flow is looked at
  await page.getByTestId('body-view-text').click()
  await page.getByTestId('detail-close').click()
  const client = await page.context().newCDPSession(page)
  await client.send('HeapProfiler.enable')
  await client.send('HeapProfiler.collectGarbage')
  seen.heap = (await client.send('Runtime.getHeapUsage')).usedSize
  await client.detach()
  return seen
}

/** From place to place, forwards, backwards, around, by buttons and by keys. */
async function stepping(page) {
  await body(page, '/many.json')
  await text(page).getByText('"first"').waitFor()
  const field = page.getByTestId('body-search')
  const count = page.getByTestId('body-search-count')
  await field.fill('needle')
  const seen = []
  const at = async (words) => {
    await count.getByText(words, { exact: true }).waitFor()
    const mark = text(page).locator('mark.looked')
    await mark.waitFor()
    const inView = await mark.evaluate((mark) => {
      const [one, view] = [mark, mark.closest('.scroller')].map((element) => element.getBoundingClientRect())
      return one.top >= view.top && one.bottom <= view.bottom
    })
    seen.push([words, await mark.evaluate((mark) => mark.closest('[data-line] .text').textContent.trim()), inView])
  }
  await at('1 of 5')
  await page.getByTestId('body-search-next').click()
  await at('2 of 5')
  await page.getByTestId('body-search-next').click()
  await at('3 of 5')
  await page.getByTestId('body-search-previous').click()
  await at('2 of 5')
  await field.focus()
  await page.keyboard.press('Shift+Enter')
  await at('1 of 5')
  await page.keyboard.press('Shift+Enter')
  await at('5 of 5')
  await page.keyboard.press('Enter')
  await at('1 of 5')
  // told apart by case, and something else from its first place on
  await page.keyboard.press('Enter')
  await at('2 of 5')
  await page.getByTestId('body-search-case').check()
  await at('1 of 4')
  await page.getByTestId('body-search-case').uncheck()
  await page.keyboard.press('Escape')
  await field.fill('')
  return seen
}

/** To another flow and back: the same place, also where more had been loaded, lines were folded, or bytes looked at. */
async function returned(page) {
  const scroll = (to) =>
    page.locator('[data-testid=body] .scroller').evaluate(async (list, to) => {
      list.scrollTop = to
      // what is in view then is drawn
      for (let n = 0; n < 2; n++) await new Promise((drawn) => requestAnimationFrame(drawn))
    }, to)
  const settled = async (wanted) => {
    let now
    for (let n = 0; n < 300; n++) {
      now = await top(page).catch(() => '')
      if (now === wanted) break
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)))
    }
    return now
  }
  const seen = {}
  // beyond what is loaded at first
  await body(page, '/long')
  await page.getByTestId('body-more').click()
  await page.getByTestId('body-rest').getByText('The first 1.0 MB').waitFor()
  await scroll(18 * 9000)
  await text(page).locator('[data-line="9000"]').waitFor()
  seen.long = [await top(page)]
  await body(page, '/short')
  await text(page).getByText('short 0 ').first().waitFor()
  await scroll(18 * 300)
  seen.short = [await top(page)]
  await body(page, '/long')
  seen.long.push(await settled(seen.long[0]))
  await body(page, '/short')
  seen.short.push(await settled(seen.short[0]))
  // folded, in a body that somebody has looked through before
  await body(page, '/many.json')
  await text(page).locator('[data-line]').first().waitFor()
  await scroll(0)
  await text(page).getByText('"first"').waitFor()
  await text(page).locator('[data-line="2"]').getByRole('button', { name: 'Fold' }).click()
  await scroll(18 * 60)
  seen.folded = [await top(page)]
  // as bytes, while the search of another body stays in its field
  await body(page, '/short')
  await page.getByTestId('body-view-hex').click()
  await page.getByTestId('body-hex').getByText('short 0 ').first().waitFor()
  await scroll(18 * 40)
  await page.getByTestId('body-hex').locator('.row').first().waitFor()
  seen.hex = [await settled(await top(page))]
  await body(page, '/many.json')
  seen.folded.push(await settled(seen.folded[0]))
  seen.folds = await text(page).locator('[aria-expanded=false]').count()
  await scroll(0)
  seen.folds += await text(page).locator('[aria-expanded=false]').count()
  await body(page, '/short')
  await page.getByTestId('body-hex').waitFor()
  seen.hex.push(await settled(seen.hex[0]))
  await page.getByTestId('body-view-text').click()
  // somebody looked for something, and then went elsewhere in the body
  await body(page, '/long')
  await page.getByTestId('body-search').fill('number 77 ')
  await page.getByTestId('body-search-count').getByText('1 of 1').waitFor()
  await text(page).locator('mark.looked').waitFor()
  await scroll(18 * 5000)
  await text(page).locator('[data-line="5000"]').waitFor()
  seen.sought = [await top(page)]
  await body(page, '/short')
  await page.getByTestId('body-search-count').getByText('not found').waitFor()
  await body(page, '/long')
  await page.getByTestId('body-search-count').getByText('1 of 1').waitFor()
  seen.sought.push(await settled(seen.sought[0]))
  // and from there on to what is found
  await page.getByTestId('body-search-next').click()
  await text(page).locator('mark.looked').waitFor()
  await page.getByTestId('body-search').fill('')
  await page.getByTestId('detail-close').click()
  return seen
}

/** A film that this browser made: played from the recording, and drawn. */
async function film(page, { curl }) {
  const studio = await page.context().newPage()
  await studio.goto('about:blank')
  // a busy machine may film nothing at all: what cannot be played here is filmed again
  const bytes = await studio.evaluate(async () => {
    for (let takes = 1; ; takes++) {
      const film = new Blob(await filmed())
      const proof = document.createElement('video')
      const width = await new Promise((known) => {
        proof.onloadedmetadata = () => known(proof.videoWidth)
        proof.onerror = () => known(0)
        proof.src = URL.createObjectURL(film)
      })
      if (width === 64) return [...new Uint8Array(await film.arrayBuffer())]
      if (takes === 10) throw new Error(`the browser films ${film.size} bytes that it cannot play`)
    }

    async function filmed() {
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 })
      document.body.append(canvas)
      const pen = canvas.getContext('2d')
      const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: 'video/webm;codecs=vp8' })
      const parts = []
      recorder.ondataavailable = ({ data }) => parts.push(data)
      const over = new Promise((stopped) => (recorder.onstop = stopped))
      recorder.start()
      for (let n = 0; n < 30; n++) {
        pen.fillStyle = `rgb(${200 + n}, 30, 30)`
        pen.fillRect(0, 0, 64, 48)
        await new Promise((drawn) => requestAnimationFrame(drawn))
      }
      recorder.stop()
      await over
      return parts
    }
  })
  await studio.close()
  const server = createServer((_, answer) => answer.writeHead(200, { 'content-type': 'video/webm' }).end(Buffer.from(bytes)))
  await new Promise((listens) => server.listen(0, '127.0.0.1', listens))
  await run('curl', [...curl, '--output', '/dev/null', `http://localhost:${server.address().port}/film.webm`])
  await body(page, '/film.webm')
  const view = page.getByTestId('body-media')
  await view.getByText('64 × 48').waitFor().catch(async (error) => {
    const shown = await page.getByTestId('body').innerText({ timeout: 5_000 }).catch(() => 'nothing')
    throw new Error(`of a film of ${bytes.length} bytes the page shows ${JSON.stringify(shown)}: ${error.message}`)
  })
  const video = view.locator('video')
  const seen = { facts: await view.innerText(), bytes: bytes.length }
  // it plays to its end, and what it shows is what was filmed
  seen.played = await video.evaluate(async (video) => {
    video.muted = true
    await video.play()
    if (!video.ended) await new Promise((ended) => video.addEventListener('ended', ended, { once: true }))
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 })
    const pen = canvas.getContext('2d')
    pen.drawImage(video, 0, 0)
    const [red, green, blue] = pen.getImageData(32, 24, 1, 1).data
    return { red: red > 150, green: green < 90, blue: blue < 90, error: video.error?.message ?? null }
  })
  await screenshots(page, DESKTOP, 'film')
  // a film of which the end is missing says so, or plays what is there: it does not break the page
  server.closeAllConnections()
  server.close()
  await page.getByTestId('detail-close').click()
  return seen
}
