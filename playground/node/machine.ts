/** What containers take from the machine: its program folders, and a few harmless files of /etc. */
import { cp, lstat, mkdir, readlink, writeFile } from 'node:fs/promises'

export interface Machine {
  systemDirs: string[]
  systemLinks: Record<string, string>
  /** Directory with the shared part of /etc. */
  etc: string
  ipv6: boolean
}

/** Top-level names that hold programs and libraries; on most systems all but /usr are links into it. */
const SYSTEM_NAMES = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']

/** What programs need in order to find libraries, names, certificates and iptables' back-end. No secrets. */
const ETC_NAMES = [
  'alternatives',
  'ca-certificates',
  'ethertypes',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'os-release',
  'protocols',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
]

const PASSWD = `root:x:0:0:root:/root:/bin/sh
app:x:1000:1000:app:/tmp:/bin/sh
proxy:x:1337:1337:proxy:/tmp:/bin/sh
nonroot:x:65532:65532:nonroot:/tmp:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
`
const GROUP = 'root:x:0:\napp:x:1000:\nproxy:x:1337:\nnonroot:x:65532:\nnogroup:x:65534:\n'
/** Names come from the hosts file and DNS alone, whatever the machine itself has set up. */
const NSSWITCH =
  'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n'

/** Looks at the machine and fills `etc`, an empty directory of ours. */
export async function readMachine(etc: string): Promise<Machine> {
  const systemDirs: string[] = []
  const systemLinks: Record<string, string> = {}
  for (const name of SYSTEM_NAMES) {
    const facts = await lstat(name).catch(() => null)
    if (facts?.isSymbolicLink()) systemLinks[name] = await readlink(name)
    else if (facts?.isDirectory()) systemDirs.push(name)
  }
  await mkdir(`${etc}/ssl`, { recursive: true })
  for (const name of ETC_NAMES) {
    const present = await lstat(`/etc/${name}`).catch(() => null)
    if (present) {
      await cp(`/etc/${name}`, `${etc}/${name}`, { recursive: true, verbatimSymlinks: true })
    }
  }
  await writeFile(`${etc}/passwd`, PASSWD)
  await writeFile(`${etc}/group`, GROUP)
  await writeFile(`${etc}/nsswitch.conf`, NSSWITCH)
  const ipv6 = (await lstat('/proc/sys/net/ipv6').catch(() => null)) !== null
  return { systemDirs, systemLinks, etc, ipv6 }
}
