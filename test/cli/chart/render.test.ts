import { expect, test } from '@jest/globals'
import { parseTemplate } from '../../../cli/chart/parser.ts'
import { renderChart } from '../../../cli/chart/render.ts'
import { SAMPLE_CHART } from './sample-chart.ts'

const RELEASE = { name: 'azds', namespace: 'azds' }

/** What a template whose objects have one text each gives. */
function texts(template: string, values: Record<string, unknown> = {}): string[] {
  const files = {
    'Chart.yaml': 'name: x\nversion: 1.0.0\n',
    'templates/x.yaml': template,
  }
  const objects = renderChart(files, values, RELEASE) as unknown as { data: string }[]
  return objects.map(({ data }) => data)
}

/** The text that an expression prints. */
function printed(expression: string, values: Record<string, unknown> = {}): string | undefined {
  const object = `kind: X\nmetadata: {}\ndata: |-\n  ${expression}\n`
  return texts(object, values)[0]
}

test.each<[string, Record<string, unknown>, string]>([
  ['{{ .Values.a }}', { a: 'x' }, 'x'],
  ['{{ .Values.a.b }}', { a: { b: 3 } }, '3'],
  ['{{ .Values.missing }}-', {}, '-'],
  ['{{ .Values.a | default "y" }}', { a: '' }, 'y'],
  ['{{ if .Values.a }}yes{{ else }}no{{ end }}', { a: {} }, 'no'],
  ['{{ if eq .Values.a "x" "y" }}yes{{ end }}', { a: 'y' }, 'yes'],
  ['{{ if .Values.a }}1{{ else if .Values.b }}2{{ else }}3{{ end }}', { b: 1 }, '2'],
  ['{{ with .Values.a }}{{ .b }}{{ $.Values.c }}{{ end }}', { a: { b: 1 }, c: 2 }, '12'],
  ['{{ range .Values.a }}<{{ . }}>{{ end }}', { a: [1, 2] }, '<1><2>'],
  ['{{ range $k, $v := .Values.a }}{{ $k }}={{ $v }};{{ end }}', { a: { z: 1, b: 2 } }, 'b=2;z=1;'],
  ['{{ range .Values.a }}x{{ else }}empty{{ end }}', { a: [] }, 'empty'],
  ['{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}', {}, '2'],
  ['{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}', {}, '1'],
  ['a {{- " b " -}} c', {}, 'a b c'],
  ['{{/* nothing */}}x', {}, 'x'],
  ['{{ (dict "a" (dict "b" "deep")).a.b }}', {}, 'deep'],
  ['{{ printf "%s-%d-%q%%" "a" 3 "b" }}', {}, 'a-3-"b"%'],
  ['{{ and .Values.a .Values.b.c }}', { a: '' }, ''],
  ['{{ or .Values.a "z" }}', { a: 0 }, 'z'],
  ['{{ trunc 3 "abcdef" }}{{ trunc -2 "abcdef" }}', {}, 'abcef'],
  ['{{ `raw "text"` }}', {}, 'raw "text"'],
  ['{{ .Release.Name }}/{{ .Release.Namespace }}/{{ .Release.Service }}', {}, 'azds/azds/azds'],
  ['{{ .Chart.Version }}', {}, '1.0.0'],
  ['{{ .Capabilities.KubeVersion.Minor }}', {}, '29'],
  ['{{ .Capabilities.APIVersions.Has "policy/v1" }}', {}, 'false'],
  ['{{ empty (lookup "v1" "Namespace" "" "azds") }}', {}, 'true'],
  ['{{ coalesce .Values.a .Values.b "c" }}', { b: 'x' }, 'x'],
  ['{{ index .Values.a "k" 1 }}', { a: { k: [1, 2] } }, '2'],
  ['{{ kindIs "map" .Values.a }}', { a: {} }, 'true'],
  ['{{ omit (dict "a" 1 "b" 2) "a" | toJson }}', {}, '{"b":2}'],
  ['{{ merge (dict "a" 1) (dict "a" 2 "b" 3) | toJson }}', {}, '{"a":1,"b":3}'],
])('%s over %j prints %j', (expression, values, expected) => {
  expect(printed(expression, values)).toBe(expected)
})

test.each<[string, string]>([
  [
    '\n\n{{ nofunction "x" }}',
    'templates/x.yaml:3: the function "nofunction" is not in the subset',
  ],
  ['{{ .Values.a.b }}', 'templates/x.yaml:1: nothing has no field "b" (.Values.a.b)'],
  ['\n{{ if true }}', 'templates/x.yaml:2: "if" has no "end"'],
  ['{{ end }}', 'templates/x.yaml:1: "end" without a block'],
  ['x\n{{ .Values.a', 'templates/x.yaml:2: the action has no "}}"'],
  ['{{ fail "no such thing" }}', 'templates/x.yaml:1: no such thing'],
  ['{{ required "say a" .Values.a }}', 'templates/x.yaml:1: say a'],
  ['{{ .Values }}', 'templates/x.yaml:1: a list or map cannot be printed as it is'],
  ['{{ include "gone" . }}', 'templates/x.yaml:1: no template is called "gone"'],
  [
    '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
    '"a" includes itself without end',
  ],
  ['{{ $x }}', 'templates/x.yaml:1: the variable $x is not set'],
  ['{{ (1 }}', 'templates/x.yaml:1: "(" has no ")"'],
  ['{{ 1 ) }}', 'templates/x.yaml:1: a ")" too many'],
  ['{{ break }}', 'templates/x.yaml:1: "break" is not in the subset'],
  ['{{ ! }}', 'templates/x.yaml:1: "! }}" is no part of an action'],
  ['{{ quote | }}', 'templates/x.yaml:1: a value is missing'],
  ['{{ printf "%s" }}', 'templates/x.yaml:1: printf "%s" has too few values'],
  ['a: [1', 'templates/x.yaml: '],
  ['a: 1', 'templates/x.yaml: a document is no object with kind and metadata'],
])('%j fails with %j', (template, message) => {
  expect(() => texts(template)).toThrow(message)
})

test('names of a map that all objects have are keys like others', () => {
  expect(printed('{{ .Values.constructor }}-')).toBe('-')
})

test('partials and notes give no objects, and a disabled object is left out', () => {
  const objects = renderChart(SAMPLE_CHART, { enabled: false }, RELEASE)
  expect(objects.map(({ kind }) => kind)).toEqual(['ConfigMap'])
})

test('YAML is read as kubectl reads it: octal modes, no dates', () => {
  const [object] = renderChart(
    {
      'Chart.yaml': 'name: x\n',
      'templates/x.yaml': 'kind: X\nmetadata: {}\na: 0644\nb: 2026-11-22\nc: 12:30\nd: yes\n',
    },
    {},
    RELEASE,
  )
  expect(object).toMatchObject({ a: 0o644, b: '2026-11-22', c: '12:30', d: true })
})

test('a second "else" and an unknown escape are named with their line', () => {
  expect(() => parseTemplate('f', '{{ if 1 }}\n{{ else }}\n{{ else }}{{ end }}')).toThrow(
    'f:1: "if" has a second "else" at line 3',
  )
  expect(() => parseTemplate('f', '\n{{ "\\q" }}')).toThrow('f:2: "\\q" has an escape')
})
