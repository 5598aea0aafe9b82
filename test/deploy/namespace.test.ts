/** The namespace of the control plane: how strict it is, and for whom. */
import { expect, test } from '@jest/globals'
import { ownChart } from '../../cli/chart/files.ts'
import { renderChart } from '../../cli/chart/render.ts'

const LEVEL = 'pod-security.kubernetes.io/enforce'

function labelsWith(adopt: boolean): Record<string, string> {
  const values = { namespace: { create: true, adopt } }
  const objects = renderChart(ownChart(), values, { name: 'azds', namespace: 'tools' })
  const namespace = objects.find(({ kind }) => kind === 'Namespace')
  expect(namespace?.metadata.name).toBe('tools')
  return namespace?.metadata.labels ?? {}
}

test('our own namespace takes none but restricted pods', () => {
  expect(labelsWith(false)).toMatchObject({ [LEVEL]: 'restricted' })
})

test('one that is adopted keeps its level, or the pods of others there could not start again', () => {
  expect(labelsWith(true)).not.toHaveProperty([LEVEL])
  expect(labelsWith(true)).toMatchObject({ 'app.kubernetes.io/part-of': 'azds' })
})
