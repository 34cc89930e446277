// Node through the proxy: fetch with undici's ProxyAgent, and node:http by absolute form.
//
// Arguments: the proxy's URL, the origin's https URL, the origin's http URL. NODE_EXTRA_CA_CERTS names
// the root. Prints one JSON object with what it saw.
import http from 'node:http'
import { ProxyAgent, fetch } from 'undici'

const [proxy, https, plain] = process.argv.slice(2)
const dispatcher = new ProxyAgent({ uri: proxy, proxyTunnel: true })

const data = await (await fetch(`${https}/data.json?node`, { dispatcher })).json()
const sent = await fetch(`${https}/upload?node`, {
  method: 'POST',
  body: new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('streamed '))
      controller.enqueue(new TextEncoder().encode('body'))
      controller.close()
    },
  }),
  duplex: 'half',
  dispatcher,
})
const upload = await sent.text()

const absolute = await new Promise((resolve, reject) => {
  const { hostname, port } = new URL(proxy)
  const host = new URL(plain).host
  http
    .get({ hostname, port, path: `${plain}/hello.txt?node`, headers: { host } }, (response) => {
      let text = ''
      response.on('data', (piece) => (text += piece)).on('end', () => resolve(text))
    })
    .on('error', reject)
})
await dispatcher.close()
console.log(JSON.stringify({ data, upload, absolute }))
