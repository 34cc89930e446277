// Measures the page over a large, live recording; run by hand (see CONTRIBUTING.md, "Measuring").
//
//   node tests/bench/page.mjs [FLOWS [PER_SECOND]]      100000 and 200, when not given
//
// The flows are real: requests of this script to an origin of its own, through the program (OVERHEAR, or
// target/release/overhear). Printed is one JSON object; times are milliseconds.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { launch } from '../browser/chromium.mjs'

process.env.BROWSER ??= '/usr/bin/chromium'

const RELOADS = 7
const FRAMES = 900

if (process.argv[2] === 'load') await load(...process.argv.slice(3).map(Number))
else await measure(Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 200))

/** Requests through the proxy: `count` of them as fast as it goes, or `rate` a second until killed. */
async function load(proxy, origin, count, rate) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 })
  const hosts = ['localhost', '127.0.0.1']
  const request = (n) =>
    new Promise((done, fail) => {
      const host = `${hosts[n % hosts.length]}:${origin}`
      const path = `http://${host}/v1/${['users', 'orders', 'items', 'pictures'][n % 4]}/${n % 977}?n=${n}`
      const options = { host: '127.0.0.1', port: proxy, path, agent, method: n % 7 === 0 ? 'POST' : 'GET', headers: { host, accept: 'application/json' } }
      http.request(options, (answer) => answer.resume().on('end', done)).on('error', fail).end(n % 7 === 0 ? '{"quantity":1}' : undefined)
    })
  if (rate > 0) {
    let n = 0
    let owed = 0
    setInterval(() => {
      for (owed += rate / 20; owed >= 1; owed--) request(n++).catch(() => {})
    }, 50)
    return
  }
  let next = 0
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (next < count) await request(next++)
  }))
  process.exit(0)
}

async function measure(flows, rate) {
  const data = mkdtempSync(join(tmpdir(), 'overhear-bench-'))
  const children = []
  try {
    const large = `[${Array.from({ length: 260_000 }, (_, n) => `{"id":${n},"name":"item ${n}","tags":["a","b"],"deep":{"x y":true,"price":12.5}}`).join()}]`
    const origin = http.createServer((request, response) => {
      if (request.url === '/large.json') return response.writeHead(200, { 'content-type': 'application/json' }).end(large)
      const status = request.url.length % 23 === 0 ? 404 : 200
      request.resume().on('end', () => response.writeHead(status, { 'content-type': 'application/json' }).end(`{"path":${JSON.stringify(request.url)},"filler":"${'x'.repeat(400)}"}`))
    })
    origin.listen(0, '127.0.0.1')
    await once(origin, 'listening')
    const binary = process.env.OVERHEAR ?? join(dirname(fileURLToPath(import.meta.url)), '../../target/release/overhear')
    const program = spawn(binary, ['run', '--data', data, '--listen', '127.0.0.1:0', '--web', '127.0.0.1:0', '--no-open', '--token', 'bench'])
    children.push(program)
    const { proxy, link } = await addresses(program)
    const loader = (count, rate) => {
      const child = fork(fileURLToPath(import.meta.url), ['load', proxy, origin.address().port, count, rate].map(String))
      children.push(child)
      return child
    }
    const fetched = http.get({ host: '127.0.0.1', port: proxy, path: `http://localhost:${origin.address().port}/large.json`, headers: { host: `localhost:${origin.address().port}` } })
    const [answer] = await once(fetched, 'response')
    await once(answer.resume(), 'end')
    const began = performance.now()
    await once(loader(flows, 0), 'exit')
    const filled = performance.now() - began
    loader(0, rate)
    const browser = await launch()
    try {
      const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
      await page.addInitScript(firstRow)
      await page.goto(link)
      await page.getByTestId('connection-state').getByText('live').waitFor()
      const lists = []
      for (let n = 0; n < RELOADS; n++) {
        await page.reload()
        await page.waitForFunction(() => globalThis.firstList !== undefined)
        lists.push(await page.evaluate(() => globalThis.firstList))
        await page.getByTestId('connection-state').getByText('live').waitFor()
      }
      const rows = Number(await page.getByTestId('flow-list').getAttribute('aria-rowcount')) - 1
      const session = await page.context().newCDPSession(page)
      await session.send('Performance.enable')
      const standing = await walk(page, session, FRAMES / 3, 0)
      const wheel = await walk(page, session, FRAMES, 0, turn)
      const scroll = await walk(page, session, FRAMES, 180)
      const bare = await bareList(browser)
      const heap = await heapUsed(session)
      const bodies = await firstScreens(page)
      const body = { mb: Math.round(large.length / 1e5) / 10, ...spread(bodies) }
      const result = { rows, rate, filled_s: Math.round(filled / 1000), first_list: spread(lists), standing, wheel, scroll, bare, heap_mb: Math.round(heap / 1e5) / 10, body }
      console.log(JSON.stringify(result, null, 2))
    } finally {
      await browser.close()
    }
  } finally {
    for (const child of children) child.kill()
    rmSync(data, { recursive: true, force: true })
  }
  process.exit(0)
}

/** The program's own words about where it listens. */
async function addresses(program) {
  let text = ''
  for await (const piece of program.stdout) {
    text += piece
    const proxy = /^proxy\s+http:\/\/127\.0\.0\.1:(\d+)/m.exec(text)?.[1]
    const link = /^page\s+(\S+)/m.exec(text)?.[1]
    if (proxy && link) {
      program.stdout.resume()
      return { proxy: Number(proxy), link }
    }
  }
  throw new Error(`overhear did not start: ${text}`)
}

/** Milliseconds from the navigation to the frame in which the first row of the list was there. */
function firstRow() {
  const look = () => {
    if (document.querySelector('[data-testid=flow-row]')) requestAnimationFrame(() => (globalThis.firstList = performance.now()))
    else requestAnimationFrame(look)
  }
  look()
}

/** Milliseconds from the click on "Body" to the frame in which the first lines of the large body were there. */
async function firstScreens(page) {
  await page.getByTestId('filter').fill('path:/large.json')
  await page.getByTestId('flow-row').filter({ hasText: '/large.json' }).click()
  const times = []
  for (let n = 0; n < RELOADS; n++) {
    await page.getByTestId('tab-overview').click()
    await page.getByTestId('story').waitFor()
    times.push(await page.evaluate(() => new Promise((done) => {
      const begun = performance.now()
      document.querySelector('[data-testid=tab-body]').click()
      const look = () => {
        const there = document.querySelectorAll('[data-testid=body-text] [data-line]').length > 20
        requestAnimationFrame(there ? () => done(performance.now() - begun) : look)
      }
      look()
    })))
  }
  return times
}

/** Milliseconds between frames while the list is scrolled by so many pixels a frame, up and down, with a jump now and then; or, by none, left alone. */
function frames({ count, pixels }) {
  const scroller = document.querySelector('[data-testid=flow-list] .scroller')
  const deltas = []
  return new Promise((done) => {
    let last = performance.now()
    const step = (now) => {
      deltas.push(now - last)
      last = now
      if (deltas.length > count) return done(deltas.slice(1))
      if (pixels > 0) scroller.scrollTop += deltas.length % 150 === 0 ? -200_000 : Math.floor(deltas.length / 75) % 2 === 0 ? -pixels : pixels
      requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  })
}

/** The wheel turned as fast as a hand does, 3,000 pixels a second with rests between: four turns up, three down. */
async function turn(page, walked) {
  let over = false
  walked.finally(() => (over = true))
  await page.mouse.move(900, 500)
  for (let notch = 0; !over; notch++) {
    await page.mouse.wheel(0, notch % 105 < 60 ? -100 : 100)
    await setTimeout(notch % 15 === 14 ? 300 : 33)
  }
}

/** Times between frames, and what the page itself did in one: script, layout and style, a part of which others may have had the machine. */
async function walk(page, session, count, pixels, meanwhile) {
  const busy = async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.filter(({ name }) => /^(Script|Layout|RecalcStyle)Duration$/.test(name)).reduce((sum, { value }) => sum + value * 1000, 0)
  }
  const before = await busy()
  const walked = page.evaluate(frames, { count, pixels })
  await meanwhile?.(page, walked)
  const deltas = await walked
  return { ...spread(deltas), work_a_frame: Math.round(((await busy()) - before) / deltas.length * 100) / 100 }
}

/** The same scroll of a page of nothing but 55 lines of text: what the machine and the browser leave to the best of lists. */
async function bareList(browser) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  await page.setContent('<div data-testid=flow-list><div class=scroller style="height:880px;overflow:auto"><div style="position:relative;height:2600000px"></div></div></div>')
  await page.evaluate(() => {
    const scroller = document.querySelector('.scroller')
    const lines = Array.from({ length: 55 }, () => scroller.firstChild.appendChild(document.createElement('div')))
    for (const line of lines) line.style = 'position:absolute;left:0;right:0;height:26px;font:12px sans-serif'
    const draw = () => {
      const first = Math.max(0, Math.floor(scroller.scrollTop / 26) - 10)
      for (let row = first; row < first + lines.length; row++) {
        const line = lines[row % lines.length]
        if (line.row === row) continue
        line.row = row
        line.style.top = `${row * 26}px`
        line.textContent = `${row} 200 OK GET localhost /v1/users/${row % 977}?n=${row} json 420 B 3.2 ms 12:00:00.000`
      }
    }
    scroller.onscroll = draw
    draw()
  })
  const session = await context.newCDPSession(page)
  await session.send('Performance.enable')
  const figures = await walk(page, session, FRAMES, 180)
  await context.close()
  return figures
}

async function heapUsed(session) {
  await session.send('HeapProfiler.collectGarbage')
  return (await session.send('Runtime.getHeapUsage')).usedSize
}

/** A browser tells tenths of a millisecond: two frames of 60 a second are 33.3, or 33.4. */
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] * 10) / 10
  const over = (limit) => values.filter((value) => value > limit).length
  return { median: at(0.5), p99: at(0.99), worst: at(1), over_17: over(17), over_33: over(33.5), of: values.length }
}
