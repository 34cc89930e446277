// Opens a WebSocket from a page that came over HTTP/2, says something in it until its server closes it; tells what it heard.
import { launch, main } from './chromium.mjs'

await main(async ({ proxy, root, url }) => {
  const browser = await launch({ proxy, root })
  const page = await browser.newPage()
  page.setDefaultTimeout(90_000)
  await page.goto(url)
  const heard = await page.evaluate(
    () =>
      new Promise((done) => {
        const heard = []
        const socket = new WebSocket(`wss://${location.host}/chromium`)
        socket.onmessage = ({ data }) => {
          heard.push(data)
          if (heard.length === 1) socket.send('hello ✓')
          if (data === 'hello ✓') socket.send('goodbye')
        }
        socket.onclose = ({ code, wasClean }) => done([...heard, code, wasClean])
      }),
  )
  // and one that the page closes
  const closed = await page.evaluate(
    () =>
      new Promise((done) => {
        const socket = new WebSocket(`wss://${location.host}/closed`)
        socket.onmessage = () => socket.close(1000)
        socket.onclose = ({ code, wasClean }) => done([code, wasClean])
      }),
  )
  await browser.close()
  return { heard, closed }
})
