{{/*
What many objects share. Every object has the labels; a selector has the name alone, because a selector can
never change and labels do.
*/}}

{{/* Labels of an object. Takes root and name. */}}
{{- define "azds.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: azds
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* Labels of a pod: those that stay from release to release, so that pods are replaced only where something has changed. */}}
{{- define "azds.podLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: azds
{{- end }}

{{/* Name of an image of ours. Takes root and name (webhook, proxy, …). */}}
{{- define "azds.image" -}}
{{- with .root.Values.image.registry }}{{ . }}/{{ end -}}
{{- .root.Values.image.repository }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- range $name, $digest := .root.Values.image.digests }}{{ if eq $name $.name }}@{{ $digest }}{{ end }}{{ end }}
{{- end }}

{{/* Where sidecars and gateway reach the controller. */}}
{{- define "azds.controllerUrl" -}}
https://azds-controller.{{ .Release.Namespace }}.svc
{{- end }}

{{/* Fields of a pod's spec that say where its image comes from and where it may run. Takes root and values (of its program). */}}
{{- define "azds.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Replicas on several nodes, and in several zones, where there are some. Takes the name. */}}
{{- define "azds.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: { app.kubernetes.io/name: {{ . }} }
  # Pods that an upgrade is about to end do not count.
  matchLabelKeys: [pod-template-hash]
- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: { app.kubernetes.io/name: {{ . }} }
  matchLabelKeys: [pod-template-hash]
{{- end }}

{{/* How replicas of a program that API servers call are replaced. Takes its values. */}}
{{- define "azds.strategy" -}}
type: RollingUpdate
{{- if .hostNetwork }}
# The node's port is taken until the pod that has it is gone.
rollingUpdate: { maxUnavailable: 1, maxSurge: 0 }
{{- else }}
rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
{{- end }}
{{- end }}

{{/* The node's network for a program that API servers call, for control planes that reach nodes and no pods. Takes its values. */}}
{{- define "azds.hostNetwork" -}}
{{- if .hostNetwork }}
hostNetwork: true
# They find the cluster's domain in their resolv.conf.
dnsPolicy: ClusterFirstWithHostNet
{{- end }}
{{- end }}

{{/* Refuses ports that somebody else has. */}}
{{- define "azds.checkPorts" -}}
{{- $webhook := .Values.webhook }}
{{- $api := .Values.api }}
{{- if eq (int $webhook.port) (int $webhook.metricsPort) }}{{ fail (printf "webhook.port is %d, where its metrics are: choose another, or change webhook.metricsPort" (int $webhook.port)) }}{{ end }}
{{- if and $webhook.hostNetwork (eq (int $webhook.port) 10250) }}{{ fail "webhook.hostNetwork needs another webhook.port: on nodes 10250 is the kubelet's" }}{{ end }}
{{- if and $api.enabled $api.hostNetwork }}
{{- if eq (int $api.port) 10250 }}{{ fail "api.hostNetwork needs another api.port: on nodes 10250 is the kubelet's" }}{{ end }}
{{- if and $webhook.hostNetwork (or (eq (int $api.port) (int $webhook.port)) (eq (int $api.port) (int $webhook.metricsPort))) }}{{ fail "api.port is one of the webhook's: on nodes they share one network" }}{{ end }}
{{- end }}
{{- end }}

{{/* Security of a pod at the level `restricted`. Takes the uid. */}}
{{- define "azds.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* The same of a container. */}}
{{- define "azds.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
