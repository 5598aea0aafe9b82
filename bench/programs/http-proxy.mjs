/**
 * Program of the benchmarks: http-proxy-3 with kept connections. Plain JavaScript, so that stripping types does not count against it.
 * Arguments: the port, the upstream's IP and port.
 */
import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy-3'

const [port, ip, upstreamPort] = process.argv.slice(2)

const proxy = httpProxy.createProxyServer({
  target: `http://${ip}:${upstreamPort}`,
  agent: new Agent({ keepAlive: true }),
})
createServer((request, response) => {
  proxy.web(request, response, {}, () => response.destroy())
}).listen(Number(port))
