/** The page's address as state: changes of either show in the other. */
import { useEffect, useState } from 'preact/hooks'
import { type Address, formatAddress, parseAddress } from './address.ts'

export type Navigate = (change: Partial<Address>) => void

/** The present address, and how to change a part of it. A filter being typed makes no history. */
export function useAddress(): [Address, Navigate] {
  const [address, setAddress] = useState(() => parseAddress(location.hash))
  useEffect(() => {
    const read = () => setAddress(parseAddress(location.hash))
    addEventListener('hashchange', read)
    return () => removeEventListener('hashchange', read)
  }, [])
  const navigate = (change: Partial<Address>) => {
    const next = { ...parseAddress(location.hash), ...change }
    const opensTrace = change.traceId !== undefined
    history[opensTrace ? 'pushState' : 'replaceState'](null, '', formatAddress(next))
    setAddress(next)
  }
  return [address, navigate]
}
