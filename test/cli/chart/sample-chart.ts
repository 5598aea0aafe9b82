/** A chart that uses each construct and function of the subset that azds renders. */
import type { ChartFiles } from '../../../cli/chart/files.ts'

export const SAMPLE_CHART: ChartFiles = {
  'Chart.yaml': 'apiVersion: v2\nname: sample\nversion: 1.2.3\nappVersion: "4.5"\n',
  'values.yaml': `
# Comments count for nothing.
name: ""
replicas: 2
enabled: true
image: { registry: "", repository: app, tag: "", digests: {} }
labels: {}
list: []
nested: { deep: { text: "a b", number: 7 } }
mode: "0644"
`,
  'templates/_names.tpl': `
{{- /* A comment
   of two lines */ -}}
{{- define "sample.image" -}}
{{- $root := index . 0 -}}
{{- $program := index . 1 -}}
{{- with $root.Values.image -}}
{{- $tag := .tag | default $root.Chart.AppVersion -}}
{{- if .registry }}{{ .registry | trimSuffix "/" }}/{{ end -}}
{{ .repository }}/{{ $program }}
{{- if hasKey .digests $program }}@{{ get .digests $program }}{{ else }}:{{ $tag }}{{ end }}
{{- end -}}
{{- end -}}
{{- define "sample.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}
`,
  'templates/a.yaml': `
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ default .Release.Name .Values.name | lower | quote }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "sample.labels" . | nindent 4 }}
    {{- with .Values.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
data:
  image: {{ include "sample.image" (list . "web") | quote }}
  other: {{ template "sample.image" (list $ "proxy") }}
  {{- range $i, $item := .Values.list }}
  item-{{ $i }}: {{ $item | toString | quote }}
  {{- else }}
  none: "true"
  {{- end }}
  {{- range $key, $value := .Values.labels }}
  label.{{ $key }}: {{ $value | squote }}
  {{- end }}
  {{- range .Values.list }}
  of-{{ . }}: {{ len $.Values.list | quote }}
  {{- end }}
  {{- if and .Values.enabled (gt (int .Values.replicas) 1) }}
  many: {{ .Values.replicas | int | quote }}
  {{- else if not .Values.enabled }}
  many: "off"
  {{- else }}
  many: "one"
  {{- end }}
  either: {{ or .Values.name .Values.image.tag "neither" | quote }}
  kind: {{ ternary "big" "small" (ge (int .Values.replicas) 3) }}
  mode: {{ .Values.mode | quote }}
  deep: {{ .Values.nested.deep.text | upper | quote }}
  sum: {{ add 1 (int .Values.nested.deep.number) | quote }}
  has: {{ has "x" .Values.list | quote }}
  joined: {{ join "," .Values.list | quote }}
  json: {{ .Values.nested | toJson | quote }}
  digest: {{ toJson .Values.nested | sha256sum | trunc 12 | quote }}
  text:
    {{- .Values.nested | toYaml | nindent 4 }}
{{ if .Values.enabled -}}
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: {{ .Release.Namespace | quote }} }
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers:
        - name: web
          image: {{ include "sample.image" (list . "web") }}
          volumes: [{ projected: { defaultMode: 0644 } }]
          resources: {{- dict "limits" (dict "cpu" "1" "memory" (printf "%dMi" (mul 2 (int .Values.replicas)))) | toYaml | nindent 12 }}
{{- end }}
`,
  'templates/NOTES.txt': 'Installed {{ .Release.Name }}.\n',
}
