/**
 * Makes this checkout ready for `npm start`, `npm test`, `npm run bench` or `npm run check`: npm
 * packages (with the Node that they bring), Debian packages, bundles. Says what it installs and why,
 * and does nothing where nothing is missing.
 *
 * Plain CommonJS for old Node: it runs before the pinned Node is there.
 */
'use strict'

const { spawnSync } = require('node:child_process')
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')
const NODE = path.join(ROOT, 'node_modules', '.bin', 'node')
const STAMP = path.join(ROOT, 'node_modules', '.installed-from')

/** Debian packages: the program that shows each is there, and which goals need it, and why. */
const DEBIAN = [
  {
    has: 'ip',
    name: 'iproute2',
    goals: ['start', 'test', 'bench'],
    why: 'makes the pods’ network namespaces',
  },
  {
    has: 'iptables-restore',
    name: 'iptables',
    goals: ['start', 'test', 'bench'],
    why: 'redirects the pods’ connections',
  },
  {
    has: 'nsenter',
    name: 'util-linux',
    goals: ['start', 'test', 'bench'],
    why: 'starts processes inside a pod',
  },
  {
    has: 'skopeo',
    name: 'skopeo',
    goals: ['test'],
    why: 'reads the image archives as others would',
  },
  {
    has: 'redis-server',
    name: 'redis-server',
    goals: ['test'],
    why: 'a real program behind two sidecars',
  },
  { has: 'redis-cli', name: 'redis-tools', goals: ['test'], why: 'its client' },
  { has: 'mariadbd', name: 'mariadb-server', goals: ['test'], why: 'a server that speaks first' },
  { has: 'mariadb', name: 'mariadb-client', goals: ['test'], why: 'its client' },
  {
    has: '/usr/lib/postgresql/*/bin/postgres',
    name: 'postgresql',
    goals: ['test'],
    why: 'a server with its own TLS handshake',
  },
  { has: 'psql', name: 'postgresql-client', goals: ['test'], why: 'its client' },
  { has: 'openssl', name: 'openssl', goals: ['test'], why: 'makes that server’s certificate' },
  {
    has: 'nginx',
    name: 'nginx-light',
    goals: ['test', 'bench'],
    why: 'a real web server behind the sidecar',
  },
  { has: 'curl', name: 'curl', goals: ['test', 'bench'], why: 'a real HTTP client' },
  {
    has: 'haproxy',
    name: 'haproxy',
    goals: ['test', 'bench'],
    why: 'a server behind the sidecar, and a proxy to compare it with',
  },
  {
    has: 'apache2',
    name: 'apache2-bin',
    goals: ['test'],
    why: 'another web server behind the sidecar',
  },
  { has: 'wrk', name: 'wrk', goals: ['bench'], why: 'makes HTTP/1 load' },
  { has: 'h2load', name: 'nghttp2-client', goals: ['bench'], why: 'makes HTTP/2 load' },
  { has: 'iperf3', name: 'iperf3', goals: ['bench'], why: 'sends bytes in bulk' },
  {
    has: 'perf',
    name: 'linux-perf',
    goals: ['bench'],
    why: 'shows what the time goes into',
    // Ubuntu's is made for each kernel; without it the document says that it lacks this.
    optional: true,
  },
  {
    has: 'chromium',
    name: 'chromium',
    goals: ['test'],
    why: 'opens the viewer as a person would',
    // Ubuntu has it as a snap only; the browser tests themselves say where they cannot run.
    optional: true,
  },
]

/** System folders where daemons live that are not always on a user's PATH. */
const PATHS = (process.env.PATH || '').split(':').concat(['/usr/sbin', '/sbin', '/usr/local/sbin'])

function fail(sentence) {
  process.stderr.write(`\n${sentence}\n`)
  process.exit(1)
}

function run(command, args, options) {
  const result = spawnSync(command, args, Object.assign({ cwd: ROOT, stdio: 'inherit' }, options))
  if (result.error) fail(`${command} could not be started: ${result.error.message}`)
  return result.status
}

/** `exists('nginx')` looks along PATH; a pattern with one `*` is looked for as a file. */
function exists(program) {
  if (!program.includes('/'))
    return PATHS.some((folder) => fs.existsSync(path.join(folder, program)))
  const [before, after] = program.split('*')
  const folder = path.dirname(`${before}x`)
  if (!fs.existsSync(folder)) return false
  return fs.readdirSync(folder).some((entry) => fs.existsSync(path.join(folder, entry) + after))
}

function installNpmPackages() {
  const lock = fs.readFileSync(path.join(ROOT, 'package-lock.json'))
  const wanted = createHash('sha256').update(lock).digest('hex')
  const installed = fs.existsSync(STAMP) ? fs.readFileSync(STAMP, 'utf8') : ''
  if (installed === wanted && fs.existsSync(NODE)) return
  console.log(
    'Installing npm packages from package-lock.json (with the Node that this project runs on) …',
  )
  const npm = process.env.npm_execpath
  // Not `npm ci`: it refuses to work where the registry is a mirror that lacks the packages of other
  // platforms, which are optional. With --no-save the lockfile stays as it is, and decides all versions.
  const args = ['install', '--no-save', '--no-fund', '--no-audit', '--loglevel=error']
  const status = npm ? run(process.execPath, [npm].concat(args)) : run('npm', args)
  if (status !== 0) fail('npm install failed: see above. Is the npm registry reachable?')
  if (!fs.existsSync(NODE)) {
    fail(
      `No Node came with the packages: they hold one for Linux on x64 and arm64, and this is ${process.platform} on ${process.arch}.`,
    )
  }
  fs.writeFileSync(STAMP, wanted)
}

function installDebianPackages(goal) {
  const missing = DEBIAN.filter((item) => item.goals.includes(goal) && !exists(item.has))
  if (missing.length === 0) return
  console.log('Installing Debian packages:')
  for (const item of missing) console.log(`  ${item.name.padEnd(18)} ${item.why}`)
  const required = missing.filter((item) => !item.optional).map((item) => item.name)
  const optional = missing.filter((item) => item.optional).map((item) => item.name)
  const byHand = `apt-get install --no-install-recommends ${required.concat(optional).join(' ')}`
  if (!exists('apt-get')) fail('This system has no apt-get. Please install what stands for these.')
  if (process.getuid() !== 0) fail(`Only root can install packages. Please run: sudo ${byHand}`)

  const restore = keepServicesStopped()
  const done = aptInstall(required)
  const lacking = optional.filter((name) => !aptInstall([name]))
  restore()
  if (!done) fail(`apt-get failed: see above. By hand: ${byHand}`)
  for (const name of lacking) console.log(`${name} could not be installed: see above.`)
}

/** True if all are installed now. */
function aptInstall(names) {
  if (names.length === 0) return true
  const quiet = {
    env: Object.assign({}, process.env, { DEBIAN_FRONTEND: 'noninteractive' }),
    stdio: 'ignore',
  }
  const heard = Object.assign({}, quiet, { stdio: ['ignore', 'ignore', 'inherit'] })
  const install = ['install', '-y', '-qq', '--no-install-recommends'].concat(names)
  // Package lists may be missing or old: refresh them only if they are at fault.
  if (run('apt-get', install, quiet) === 0) return true
  run('apt-get', ['update', '-qq'], heard)
  return run('apt-get', install, heard) === 0
}

/**
 * The tests start their servers themselves, on ports of their own. Debian would also start each as
 * a system service; policy-rc.d with exit code 101 forbids that for the time of the installation.
 */
function keepServicesStopped() {
  const policy = '/usr/sbin/policy-rc.d'
  if (fs.existsSync(policy)) return () => {}
  // With a listener Ctrl-C ends apt-get, and this program goes on to put things back.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return () => {
    fs.unlinkSync(policy)
    process.removeListener('SIGINT', ignore)
  }
}

function buildBundles() {
  if (run(NODE, ['scripts/build.ts']) !== 0) fail('The bundles could not be built: see above.')
}

const goal = process.argv[2]
if (goal === 'start' && process.platform !== 'linux') {
  fail(
    'The playground needs Linux (network namespaces); on this system make a kind cluster and apply deploy/manifests to it.',
  )
}
installNpmPackages()
if (goal === 'start' || goal === 'test' || goal === 'bench') installDebianPackages(goal)
if (goal !== 'packages') buildBundles()
