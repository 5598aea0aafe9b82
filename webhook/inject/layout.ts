/**
 * Which of the two layouts a pod gets.
 *
 * | annotation, else the installation's setting | nodes known | every kubelet >= 1.29 | layout  |
 * |---------------------------------------------|-------------|-----------------------|---------|
 * | native                                      | any         | any                   | native  |
 * | classic                                     | any         | any                   | classic |
 * | none, auto                                  | yes         | yes                   | native  |
 * | none, auto                                  | yes         | no                    | classic |
 * | none, auto                                  | no          |                       | classic |
 *
 * Native: an init container with `restartPolicy: Always`, which starts before the app's own init
 * containers, lets jobs end and stops after the app. Classic: an ordinary container, which works on
 * every version. An API server is never older than its kubelets, so they decide alone.
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
 */
export type Layout = 'native' | 'classic'

/** The first version in which native sidecars are on by default. */
const NATIVE_SINCE = { major: 1, minor: 29 }

/** @param override of the pod; @param setting of the installation */
export function chooseLayout(
  override: Layout | null,
  setting: Layout | 'auto',
  kubeletVersions: readonly string[],
): Layout {
  const chosen = override ?? setting
  if (chosen !== 'auto') return chosen
  const native = kubeletVersions.length > 0 && kubeletVersions.every(hasNativeSidecars)
  return native ? 'native' : 'classic'
}

/** A version that cannot be read counts as too old: classic works everywhere. */
function hasNativeSidecars(version: string): boolean {
  const match = /^v?(\d+)\.(\d+)/.exec(version)
  if (!match) return false
  const [major, minor] = [Number(match[1]), Number(match[2])]
  if (major !== NATIVE_SINCE.major) return major > NATIVE_SINCE.major
  return minor >= NATIVE_SINCE.minor
}
