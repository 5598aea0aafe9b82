import { expect, test } from '@jest/globals'
import type { Exec } from '../../core/exec.ts'
import { type ControlPlane, installControlPlane } from '../../playground/control-plane.ts'

async function commandOf(how: ControlPlane, code = 0): Promise<string[]> {
  const commands: string[] = []
  const exec: Exec = async (file, args, options) => {
    commands.push([file, ...args].join(' '))
    // What the user has set up for herself does not count.
    expect(options?.env?.['HELM_CONFIG_HOME']).toBe('/run/one')
    return { code, stdout: '', stderr: 'its own words' }
  }
  await installControlPlane(how, {
    exec,
    tools: { kubectl: 'kubectl', helm: 'helm' },
    kubeconfigPath: '/run/one/kubeconfig',
    waitSeconds: 60,
  })
  return commands
}

test.each<[ControlPlane, RegExp]>([
  ['manifests', /^kubectl --kubeconfig \/run\/one\/kubeconfig apply -f .*deploy\/manifests$/],
  ['helm', /^helm install azds .*deploy\/chart --namespace azds --create-namespace --wait/],
  ['azds', /dist\/azds\.mjs install --kubeconfig \/run\/one\/kubeconfig$/],
])('with %s one program installs it all', async (how, command) => {
  expect(await commandOf(how)).toEqual([expect.stringMatching(command)])
})

test('without a control plane nothing is run', async () => {
  expect(await commandOf('none')).toEqual([])
})

test('a failure is told in the words of the program that failed', async () => {
  await expect(commandOf('helm', 1)).rejects.toThrow('its own words')
})
