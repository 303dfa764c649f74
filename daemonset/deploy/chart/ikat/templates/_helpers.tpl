{{- define "ikat.labels" -}}
app.kubernetes.io/name: ikat
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
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

{{/* Where a probe of the agent on its own node reaches what it listens on, as a probe's fields. */}}
{{- define "ikat.listener" -}}
{{- $listen := .Values.config.listen | default "127.0.0.1:9474" | toString -}}
{{- $host := regexReplaceAll ":[0-9]+$" $listen "" | trimPrefix "[" | trimSuffix "]" -}}
host: {{ get (dict "0.0.0.0" "127.0.0.1" "::" "::1") $host | default $host | quote }}
port: {{ regexFind "[0-9]+$" $listen }}
{{- end }}
