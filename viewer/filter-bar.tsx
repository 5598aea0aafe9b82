/** The filters above the list. */
import { useEffect, useState } from 'preact/hooks'
import type { SpaceSummary, TraceQuery } from '../core/controller-api.ts'

/** Typing is over after a pause of this length (ms). */
const TYPING_MS = 250

const STATUSES = [
  ['', 'any status'],
  ['error', 'failed'],
  ['2xx', '2xx'],
  ['3xx', '3xx'],
  ['4xx', '4xx'],
  ['5xx', '5xx'],
] as const

interface FilterBarProps {
  filter: TraceQuery
  spaces: SpaceSummary[] | null
  onChange: (filter: TraceQuery) => void
}

export function FilterBar({ filter, spaces, onChange }: FilterBarProps) {
  const set = (key: keyof TraceQuery, value: string) => {
    const { [key]: _, ...rest } = filter
    onChange(value ? { ...rest, [key]: value } : rest)
  }
  const names = (spaces ?? []).map((space) => space.name)
  const services = (spaces ?? []).flatMap((space) => space.services.map((one) => one.name))
  return (
    <search class="filters">
      <Choice
        label="Space"
        value={filter.space ?? ''}
        options={[['', 'every space'], ...withValue(names, filter.space)]}
        onChange={(value) => set('space', value)}
      />
      <Choice
        label="Service"
        value={filter.service ?? ''}
        options={[['', 'every service'], ...withValue(services, filter.service)]}
        onChange={(value) => set('service', value)}
      />
      <Choice
        label="Status"
        value={filter.status ?? ''}
        options={STATUSES}
        onChange={(value) => set('status', value)}
      />
      <SearchBox value={filter.q ?? ''} onChange={(value) => set('q', value)} />
    </search>
  )
}

/** The names in order, each once, with the chosen one even where it is not known (any more). */
function withValue(names: string[], value: string | undefined): [string, string][] {
  const all = new Set(value ? [...names, value] : names)
  return [...all].sort().map((name) => [name, name])
}

interface ChoiceProps {
  label: string
  value: string
  options: readonly (readonly [value: string, text: string])[]
  onChange: (value: string) => void
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <select
      aria-label={label}
      value={value}
      class={value ? 'set' : ''}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {options.map(([option, text]) => (
        <option key={option} value={option} selected={option === value}>
          {text}
        </option>
      ))}
    </select>
  )
}

function SearchBox({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text === value) return
    const timer = setTimeout(() => onChange(text.trim()), TYPING_MS)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <input
      type="search"
      id="search"
      aria-label="Text in method, host, path, service, pod or error"
      placeholder="Search path, host, pod, error…  ( / )"
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
    />
  )
}
