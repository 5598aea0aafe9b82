/** What stands in place of the list when there is nothing to list, and what to do about it. */
import type { SpaceSummary } from '../core/controller-api.ts'

interface EmptyListProps {
  spaces: SpaceSummary[] | null
  isFiltered: boolean
  onClear: () => void
}

export function EmptyList({ spaces, isFiltered, onClear }: EmptyListProps) {
  if (isFiltered) {
    return (
      <div class="empty">
        <h2>No request matches</h2>
        <button type="button" onClick={onClear}>
          Show every request
        </button>
      </div>
    )
  }
  if (spaces?.length === 0) {
    return (
      <div class="empty">
        <h2>There is no space yet</h2>
        <p>Make the namespace that runs your team’s services a space, then restart its pods:</p>
        <pre>
          {
            'kubectl label namespace dev azds.io/space=true\nkubectl -n dev rollout restart deployment'
          }
        </pre>
      </div>
    )
  }
  const child = spaces?.find((space) => space.parent !== null)?.name
  return (
    <div class="empty">
      <h2>No request yet</h2>
      <p>
        Send one to a service of a space{child ? ', for example as space ' : ''}
        {child && <b>{child}</b>}. It shows here within a second or two.
      </p>
      <pre>{`curl -H 'azds-route-as: ${child ?? '<space>'}' http://<service>.<root space>/`}</pre>
      <p>
        Nothing comes? Pods that are older than their space’s label have no sidecar:{' '}
        <code>azds space heal</code> restarts them. <code>azds inspect pod.yaml</code> tells why a
        pod gets none.
      </p>
    </div>
  )
}
