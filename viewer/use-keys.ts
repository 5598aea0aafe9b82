/** Keys of the whole page: j and k walk the list, / goes to the search box, Escape closes a trace. */
import { useEffect, useRef } from 'preact/hooks'

export interface KeyActions {
  next: () => void
  previous: () => void
  close: () => void
}

export function useKeys(actions: KeyActions): void {
  const current = useRef(actions)
  current.current = actions
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      const isTyping = target.matches('input, select, textarea')
      if (event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === 'Escape') {
        if (isTyping) target.blur()
        else current.current.close()
        return
      }
      if (isTyping) return
      if (event.key === 'j') current.current.next()
      else if (event.key === 'k') current.current.previous()
      else if (event.key === '/') {
        event.preventDefault()
        document.getElementById('search')?.focus()
      }
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}
