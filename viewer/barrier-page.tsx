/** What stands in place of the list where the reader may not have it, and what she can do about it. */
import { useState } from 'preact/hooks'
import type { SpaceSummary } from '../core/controller-api.ts'
import type { Barrier } from './barrier.ts'

interface BarrierPageProps {
  barrier: Barrier
  /** The space that is asked for now; null: all. */
  space: string | null
  spaces: SpaceSummary[] | null
  onChoose: (space: string) => void
}

export function BarrierPage({ barrier, space, spaces, onChoose }: BarrierPageProps) {
  if (barrier.kind === 'sign-in') {
    return (
      <div class="empty" role="alert">
        <h2>This page is not signed in</h2>
        <p>{barrier.message}</p>
        <pre>azds viewer</pre>
      </div>
    )
  }
  if (barrier.kind === 'no-data') {
    return (
      <div class="empty" role="alert">
        <h2>Here is only the page</h2>
        <p>Traces are read with your own rights in the cluster. Open the viewer on your machine:</p>
        <pre>azds viewer</pre>
      </div>
    )
  }
  return (
    <div class="empty" role="alert">
      <h2>{space === null ? 'Choose a space' : `You may not read traces of ${space}`}</h2>
      {space === null ? (
        <p>You may not read the traces of every space.</p>
      ) : (
        <>
          <p>{barrier.message}</p>
          <pre>{`kubectl auth can-i list traces.azds.io -n ${space}`}</pre>
        </>
      )}
      <SpaceChoice spaces={spaces} without={space} onChoose={onChoose} />
    </div>
  )
}

interface SpaceChoiceProps {
  spaces: SpaceSummary[] | null
  without: string | null
  onChoose: (space: string) => void
}

/** Those that are known; a name to type where the list of spaces may not be read either. */
function SpaceChoice({ spaces, without, onChoose }: SpaceChoiceProps) {
  const [name, setName] = useState('')
  if (spaces) {
    return (
      <ul class="choice">
        {spaces
          .filter((space) => space.name !== without)
          .map((space) => (
            <li key={space.name}>
              <button type="button" onClick={() => onChoose(space.name)}>
                {space.path}
              </button>
            </li>
          ))}
      </ul>
    )
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (name.trim()) onChoose(name.trim())
      }}
    >
      <label>
        Space{' '}
        <input value={name} onInput={(event) => setName(event.currentTarget.value)} required />
      </label>{' '}
      <button type="submit">Show</button>
    </form>
  )
}
