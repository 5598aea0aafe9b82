/** The sidecar's ports and the app's: one network namespace, so none may be in both. */
import type { Pod } from '../../core/kube/types.ts'
import { PORT } from '../../core/names.ts'
import { isTcp } from '../../core/service-target.ts'
import type { FieldError } from './facts.ts'

const OURS: ReadonlyMap<unknown, string> = new Map(
  Object.entries(PORT).map(([purpose, port]) => [port, purpose]),
)

/** One error for each TCP port that a container declares and the sidecar listens on. */
export function portCollisions(pod: Pod): FieldError[] {
  return (['initContainers', 'containers'] as const).flatMap((list) =>
    (pod.spec[list] ?? []).flatMap((container, index) =>
      (container.ports ?? []).flatMap((port, portIndex) => {
        const { containerPort } = port
        const purpose = OURS.get(containerPort)
        if (purpose === undefined || !isTcp(port)) return []
        return {
          field: `spec.${list}[${index}].ports[${portIndex}].containerPort`,
          message: `${containerPort} is the sidecar's ${purpose} port: let container "${container.name}" listen on another one`,
        }
      }),
    ),
  )
}
