package fidelity

import (
	"strings"
	"testing"
)

// https://kubernetes.io/docs/tasks/inject-data-application/
func TestEnvironment(t *testing.T) {
	s := newSpace(t)
	s.kubectl("create", "configmap", "conf", "--from-literal=COLOR=blue", "--from-literal=SIZE=big")
	s.kubectl("create", "secret", "generic", "pass", "--from-literal=password=hunter2")
	s.kubectl("create", "service", "clusterip", "backend", "--tcp=8080:8080")
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: env, labels: {app: x}}
spec:
  containers:
  - name: c
    image: toolbox:1.0
    command: [sh, -c, "echo arg $(COLOR_ENV); env; sleep infinity"]
    envFrom: [{configMapRef: {name: conf}, prefix: C_}]
    env:
    - {name: COLOR_ENV, valueFrom: {configMapKeyRef: {name: conf, key: COLOR}}}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: pass, key: password}}}
    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
    - {name: BOTH, value: "$(NAME)-$(PASSWORD)-$(NONE)"}
    resources: {limits: {cpu: 250m, memory: 64Mi}}
`)
	pod := s.waitReady("env")
	env := "\n" + s.kubectl("logs", "env")
	for _, want := range []string{
		"arg blue", "C_COLOR=blue", "C_SIZE=big", "COLOR_ENV=blue", "PASSWORD=hunter2", "NAME=env",
		"NODE=" + pod.Spec.NodeName, "IP=" + pod.Status.PodIP, "CPU=250", "BOTH=env-hunter2-$(NONE)",
		"HOSTNAME=env", "KUBERNETES_SERVICE_HOST=10.96.0.1", "BACKEND_SERVICE_PORT=8080",
	} {
		if !strings.Contains(env, "\n"+want+"\n") {
			t.Errorf("%s is missing in:%s", want, env)
		}
	}
}

// https://kubernetes.io/docs/concepts/storage/volumes/
// https://kubernetes.io/docs/concepts/storage/projected-volumes/
func TestVolumes(t *testing.T) {
	s := newSpace(t)
	s.kubectl("create", "configmap", "conf", "--from-literal=app.conf=color = blue")
	s.kubectl("create", "secret", "generic", "pass", "--from-literal=password=hunter2")
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: vol, labels: {app: x}}
spec:
  securityContext: {runAsUser: 1000, fsGroup: 2000}
  containers:
  - name: writer
    image: toolbox:1.0
    command: [sh, -c, "echo shared > /data/file; sleep infinity"]
    volumeMounts: [{name: scratch, mountPath: /data}]
  - name: reader
    image: toolbox:1.0
    volumeMounts:
    - {name: scratch, mountPath: /data, readOnly: true}
    - {name: scratch, mountPath: /sub, subPath: a/b}
    - {name: conf, mountPath: /etc/conf}
    - {name: conf, mountPath: /etc/one.conf, subPath: app.conf}
    - {name: pass, mountPath: /etc/pass}
    - {name: info, mountPath: /etc/info}
    - {name: memory, mountPath: /memory}
    - {name: host, mountPath: /host}
  volumes:
  - {name: scratch, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory}}
  - {name: conf, configMap: {name: conf}}
  - {name: pass, secret: {secretName: pass, defaultMode: 0400}}
  - {name: info, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
  - {name: host, hostPath: {path: /var/lib/fidelity, type: DirectoryOrCreate}}
`)
	s.waitReady("vol")
	tests := []struct {
		name, script string
		code         int
		want         string // part of the output
	}{
		{"emptyDir is shared", "cat /data/file", 0, "shared"},
		{"readOnly mount", "echo x > /data/new", 1, "ead-only file system"},
		{"subPath of an emptyDir", "echo x > /sub/f && cat /data/a/b/f", 0, "x"},
		{"ConfigMap file", "cat /etc/conf/app.conf", 0, "color = blue"},
		{"ConfigMap is read-only", "echo x > /etc/conf/app.conf", 1, "ead-only file system"},
		{"ConfigMap subPath", "cat /etc/one.conf", 0, "color = blue"},
		{"Secret", "cat /etc/pass/password", 0, "hunter2"},
		{"downward API", "cat /etc/info/labels", 0, `app="x"`},
		{"emptyDir in memory", "echo m > /memory/f && cat /memory/f", 0, "m"},
		{"hostPath", "echo h > /host/f && cat /host/f", 0, "h"},
		{"ServiceAccount token", "ls /var/run/secrets/kubernetes.io/serviceaccount", 0, "token"},
		{"no way out", "cat /data/../../../../../etc/machine-id /etc/shadow", 1, "No such file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := s.try("", "exec", "vol", "-c", "reader", "--", "sh", "-c", test.script)
			if r.code != test.code || !strings.Contains(strings.ToLower(r.stdout+r.stderr), strings.ToLower(test.want)) {
				t.Errorf("got %+v", r)
			}
		})
	}
	s.kubectl("delete", "pod", "vol", "--grace-period=1")
}

// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
func TestNames(t *testing.T) {
	s := newSpace(t)
	s.kubectl("create", "deployment", "web", "--image=go-api:0.0.1", "--port=8080")
	s.kubectl("expose", "deployment", "web")
	s.kubectl("run", "box", "--image=toolbox:1.0")
	s.waitReady("box")
	s.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	for _, host := range []string{"web", "web." + s.ns, "web." + s.ns + ".svc.cluster.local"} {
		out := s.kubectl("exec", "box", "--", "wget", "-qO-", "http://"+host+":8080/")
		if !strings.HasPrefix(out, "go-api 0.0.1 from web-") {
			t.Errorf("%s: %q", host, out)
		}
	}
	if out := s.kubectl("exec", "box", "--", "cat", "/etc/resolv.conf"); !strings.Contains(out, "search "+s.ns+".svc.cluster.local svc.cluster.local cluster.local") || !strings.Contains(out, "nameserver 10.96.0.10") {
		t.Errorf("resolv.conf:\n%s", out)
	}
	if out := s.kubectl("exec", "box", "--", "cat", "/etc/hosts"); !strings.Contains(out, "\tbox\n") {
		t.Errorf("hosts:\n%s", out)
	}
}
