// A server of HTTP/2 that takes any extended CONNECT (RFC 8441) and sends back what it is sent, in capitals.
// Argument: the certificate file (chain and key). Prints its port.
import { readFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'

const pem = readFileSync(process.argv[2])
const server = createSecureServer({ cert: pem, key: pem, settings: { enableConnectProtocol: true } })
server.on('stream', (stream, headers) => {
  stream.respond({ ':status': 200, 'x-protocol': headers[':protocol'] ?? 'none' })
  stream.on('data', (piece) => stream.write(piece.toString().toUpperCase()))
  stream.on('end', () => stream.end())
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
