package controlplane

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

func newTestCluster(t *testing.T) (Layout, Cluster) {
	t.Helper()
	l, err := NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if l.Run != filepath.Join(l.Dir, "run") {
		t.Cleanup(func() { _ = os.RemoveAll(l.Run) })
	}
	if err := l.MakeDirs(); err != nil {
		t.Fatal(err)
	}
	c, err := NewCluster("lab", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := WritePKI(l, c, time.Now()); err != nil {
		t.Fatal(err)
	}
	return l, c
}

func loadCert(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := parseCert(data)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestCertificates(t *testing.T) {
	l, c := newTestCluster(t)
	if err := CheckPKI(l, c, time.Now()); err != nil {
		t.Fatalf("fresh certificates: %v", err)
	}
	tests := []struct {
		name, ca, user string
		groups         []string
		usage          x509.ExtKeyUsage
	}{
		{"apiserver", "ca", "kube-apiserver", nil, x509.ExtKeyUsageServerAuth},
		{"apiserver-kubelet-client", "ca", "kube-apiserver-kubelet-client", []string{"kubeadm:cluster-admins"}, x509.ExtKeyUsageClientAuth},
		{"front-proxy-client", "front-proxy-ca", "front-proxy-client", nil, x509.ExtKeyUsageClientAuth},
		{"admin", "ca", "kubernetes-admin", []string{"kubeadm:cluster-admins"}, x509.ExtKeyUsageClientAuth},
		{"system", "ca", "k8stutor:system", []string{"system:masters"}, x509.ExtKeyUsageClientAuth},
		{"controller-manager", "ca", "system:kube-controller-manager", []string{"system:masters"}, x509.ExtKeyUsageClientAuth},
		{"scheduler", "ca", "system:kube-scheduler", nil, x509.ExtKeyUsageClientAuth},
		{"kubelet", "ca", "system:node:lab-control-plane", []string{"system:nodes"}, x509.ExtKeyUsageClientAuth},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cert := loadCert(t, l.Cert(tt.name))
			roots := x509.NewCertPool()
			roots.AddCert(loadCert(t, l.Cert(tt.ca)))
			if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{tt.usage}}); err != nil {
				t.Errorf("does not verify against %s: %v", tt.ca, err)
			}
			if cert.Subject.CommonName != tt.user || !slices.Equal(cert.Subject.Organization, tt.groups) {
				t.Errorf("is for user %q groups %q, want %q %q", cert.Subject.CommonName, cert.Subject.Organization, tt.user, tt.groups)
			}
			if cert.IsCA {
				t.Error("may sign others")
			}
			if key, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve.Params().Name != "P-256" {
				t.Errorf("key is %T", cert.PublicKey)
			}
			if _, err := tls.LoadX509KeyPair(l.Cert(tt.name), l.Key(tt.name)); err != nil {
				t.Error(err)
			}
		})
	}
	serving := loadCert(t, l.Cert("apiserver"))
	for _, host := range []string{"127.0.0.1", "localhost", "10.96.0.1", "172.18.0.2", "kubernetes.default.svc.cluster.local", "lab-control-plane"} {
		if err := serving.VerifyHostname(host); err != nil {
			t.Errorf("serving certificate: %v", err)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes say nothing on Windows")
	}
	l, c := newTestCluster(t)
	if err := WriteConfig(l, c); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(l); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(l.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
			if path == l.Dir {
				return nil // the test's own
			}
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 25 {
		t.Errorf("found %d files only", files)
	}
}

func TestTwoClustersShareNoKeys(t *testing.T) {
	a, _ := newTestCluster(t)
	b, _ := newTestCluster(t)
	for _, name := range []string{"ca", "front-proxy-ca", "admin", "sa"} {
		one, err := os.ReadFile(a.Key(name))
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.ReadFile(b.Key(name))
		if err != nil {
			t.Fatal(err)
		}
		if string(one) == string(two) {
			t.Errorf("both clusters have the same key %s", name)
		}
	}
}

func TestCheckPKIFindsDamage(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, l Layout)
		now    time.Time
		path   func(l Layout) string
	}{
		{"missing certificate", func(t *testing.T, l Layout) { remove(t, l.Cert("admin")) }, time.Now(), func(l Layout) string { return l.Cert("admin") }},
		{"missing key", func(t *testing.T, l Layout) { remove(t, l.Key("kubelet")) }, time.Now(), func(l Layout) string { return l.Key("kubelet") }},
		{"cut off", func(t *testing.T, l Layout) { write(t, l.Cert("ca"), "-----BEGIN CERT") }, time.Now(), func(l Layout) string { return l.Cert("ca") }},
		{"other key", func(t *testing.T, l Layout) { copyFile(t, l.Key("admin"), l.Key("system")) }, time.Now(), func(l Layout) string { return l.Key("system") }},
		{"no service account key", func(t *testing.T, l Layout) { remove(t, l.ServiceAccountPublicKey()) }, time.Now(), Layout.ServiceAccountPublicKey},
		{"expired", func(*testing.T, Layout) {}, time.Now().Add(certLifetime + time.Hour), func(l Layout) string { return l.Cert("ca") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, c := newTestCluster(t)
			tt.damage(t, l)
			var damaged *DamagedError
			if err := CheckPKI(l, c, tt.now); !errors.As(err, &damaged) || damaged.Path != tt.path(l) {
				t.Errorf("got %v, want damage of %s", err, tt.path(l))
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(data))
}
