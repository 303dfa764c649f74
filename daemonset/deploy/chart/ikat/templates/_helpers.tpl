{{- define "ikat.labels" -}}
app.kubernetes.io/name: ikat
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "ikat.controller.labels" -}}
{{- include "ikat.labels" . | replace "app.kubernetes.io/name: ikat" "app.kubernetes.io/name: ikat-controller" }}
{{- end }}

{{- define "ikat.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The file of --config. */}}
{{- define "ikat.config" -}}
{{- if and .Values.config.kubeconfig .Values.config.manifests -}}
{{- fail "config.manifests and config.kubeconfig exclude each other; config.kubeconfig=null takes the latter away" -}}
{{- else if not (or .Values.config.kubeconfig .Values.config.manifests) -}}
{{- fail "config.kubeconfig or config.manifests is missing" -}}
{{- end -}}
{{ toYaml .Values.config }}
{{- end }}

{{/* The host of what the agent listens on, without brackets. */}}
{{- define "ikat.listen.host" -}}
{{- regexReplaceAll ":[0-9]+$" (.Values.config.listen | default "127.0.0.1:9474" | toString) "" | trimPrefix "[" | trimSuffix "]" -}}
{{- end }}

{{/* Its port. */}}
{{- define "ikat.listen.port" -}}
{{- regexFind "[0-9]+$" (.Values.config.listen | default "127.0.0.1:9474" | toString) -}}
{{- end }}

{{/* Not empty where others than the node itself can ask the agent. */}}
{{- define "ikat.listen.public" -}}
{{- $listens := ne (.Values.config.listen | toString) "0" -}}
{{- if and $listens (not (regexMatch "^(127\\..*|::1)$" (include "ikat.listen.host" .))) -}}true{{- end -}}
{{- end }}

{{/* By which Prometheus finds the agents. */}}
{{- define "ikat.annotations" -}}
{{- if and .Values.monitoring.annotations (include "ikat.listen.public" .) -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ include "ikat.listen.port" . | quote }}
prometheus.io/path: /metrics
{{- end -}}
{{- end }}

{{/* Where a probe of the agent on its own node reaches what it listens on, as a probe's fields. */}}
{{- define "ikat.listener" -}}
{{- $host := include "ikat.listen.host" . -}}
host: {{ get (dict "node" "127.0.0.1" "0.0.0.0" "127.0.0.1" "::" "::1") $host | default $host | quote }}
port: {{ include "ikat.listen.port" . }}
{{- end }}
