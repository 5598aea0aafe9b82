/**
 * kubectl for a playground that is treated as somebody's own cluster: the playground's API server has no `port-forward`,
 * so that goes over the playground's own bridge; all else is the real kubectl's.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { openForward } from '../../../playground/bridge/forward.ts'
import { kubernetesTools } from '../../../playground/kubectl.ts'

const args = process.argv.slice(2)
const flagOf = (flag: string) => args[args.indexOf(flag) + 1] ?? ''
const socketPath = join(dirname(flagOf('--kubeconfig')), 'node.sock')

if (args.includes('port-forward')) {
  const name = args.find((arg) => arg.startsWith('service/'))?.slice('service/'.length) ?? ''
  const target = { want: 'service', namespace: flagOf('-n'), name, port: 80 } as const
  const { port } = await openForward(socketPath, target, 0)
  process.stdout.write(`Forwarding from 127.0.0.1:${port} -> 80\n`)
} else {
  const { kubectl } = await kubernetesTools()
  const child = spawn(kubectl, args, { stdio: 'inherit' })
  child.once('exit', (code) => {
    process.exitCode = code ?? 1
  })
}
