package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certLifetime is how long a cluster's certificates hold. A training cluster
// is not kept for years, and nothing renews them.
const certLifetime = 5 * 365 * 24 * time.Hour

// Names of the certificates and keys in the pki folder. The names are those
// that kubeadm gives its files.
const (
	certCA             = "ca"
	certFrontProxyCA   = "front-proxy-ca"
	certAPIServer      = "apiserver"
	certKubeletClient  = "apiserver-kubelet-client"
	certFrontProxy     = "front-proxy-client"
	certAdmin          = "admin"
	certSystem         = "system"
	certControllers    = "controller-manager"
	certScheduler      = "scheduler"
	certKubelet        = "kubelet"
	keyServiceAccounts = "sa"
)

// Groups and users of the certificates. AdminGroup is bound to cluster-admin
// by an object, as kubeadm does it: a learner can see where the power of the
// admin comes from. SystemUser is k8stutor's own: it makes the first objects
// and is left out of the audit log.
const (
	AdminUser  = "kubernetes-admin"
	AdminGroup = "kubeadm:cluster-admins"
	SystemUser = "k8stutor:system"
)

// certSpec describes a certificate to be made.
type certSpec struct {
	name   string
	signer string // empty: signs itself
	user   string
	groups []string
	server bool
}

func certSpecs(node string) []certSpec {
	return []certSpec{
		{name: certCA, user: "kubernetes"},
		{name: certFrontProxyCA, user: "front-proxy-ca"},
		{name: certAPIServer, signer: certCA, user: "kube-apiserver", server: true},
		{name: certKubeletClient, signer: certCA, user: "kube-apiserver-kubelet-client", groups: []string{AdminGroup}},
		{name: certFrontProxy, signer: certFrontProxyCA, user: "front-proxy-client"},
		{name: certAdmin, signer: certCA, user: AdminUser, groups: []string{AdminGroup}},
		{name: certSystem, signer: certCA, user: SystemUser, groups: []string{"system:masters"}},
		// The controllers share this credential (one service account each
		// would take 40 more token requests at every start), so that it needs
		// the powers of all of them.
		{name: certControllers, signer: certCA, user: "system:kube-controller-manager", groups: []string{"system:masters"}},
		{name: certScheduler, signer: certCA, user: "system:kube-scheduler"},
		{name: certKubelet, signer: certCA, user: "system:node:" + node, groups: []string{"system:nodes"}},
	}
}

// keyPair is a certificate with its private key.
type keyPair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// WritePKI makes the certificate authority and every certificate of a new
// cluster. Keys are ECDSA on P-256; all files have mode 0600.
func WritePKI(l Layout, c Cluster, now time.Time) error {
	made := map[string]keyPair{}
	for _, spec := range certSpecs(c.NodeName) {
		signer, ok := made[spec.signer]
		if spec.signer != "" && !ok {
			return fmt.Errorf("certificate %s is listed before its signer %s", spec.name, spec.signer)
		}
		pair, err := newKeyPair(spec, c, signer, now)
		if err != nil {
			return fmt.Errorf("making the certificate %s: %w", spec.name, err)
		}
		made[spec.name] = pair
		if err := writePair(l, spec.name, pair); err != nil {
			return err
		}
	}
	return writeServiceAccountKey(l)
}

func newKeyPair(spec certSpec, c Cluster, signer keyPair, now time.Time) (keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return keyPair{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: spec.user, Organization: spec.groups},
		NotBefore:             now.Add(-time.Hour), // clocks in containers and virtual machines jump
		NotAfter:              now.Add(certLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	parent, parentKey := signer.cert, signer.key
	switch {
	case spec.signer == "":
		tmpl.IsCA = true
		tmpl.KeyUsage |= x509.KeyUsageCertSign
		tmpl.DNSNames = []string{spec.user}
		parent, parentKey = tmpl, key
	case spec.server:
		tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		tmpl.DNSNames = []string{
			"kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc." + ClusterDomain, "localhost", c.NodeName,
		}
		tmpl.IPAddresses = []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP("::1"), net.ParseIP(APIServiceIP), net.ParseIP(NodeIP)}
	default:
		tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, crypto.Signer(parentKey))
	if err != nil {
		return keyPair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{cert: cert, key: key}, nil
}

func writePair(l Layout, name string, pair keyPair) error {
	keyDER, err := x509.MarshalECPrivateKey(pair.key)
	if err != nil {
		return fmt.Errorf("encoding the key %s: %w", name, err)
	}
	if err := writePEM(l.Key(name), "EC PRIVATE KEY", keyDER); err != nil {
		return err
	}
	return writePEM(l.Cert(name), "CERTIFICATE", pair.cert.Raw)
}

// writeServiceAccountKey makes the key that signs the tokens of service
// accounts: sa.key, and sa.pub to check them.
func writeServiceAccountKey(l Layout) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the service account key: %w", err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	if err := writePEM(l.Key(keyServiceAccounts), "EC PRIVATE KEY", private); err != nil {
		return err
	}
	return writePEM(l.ServiceAccountPublicKey(), "PUBLIC KEY", public)
}

func writePEM(path, kind string, der []byte) error {
	return WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// CheckPKI looks whether the certificates of an existing cluster are all there,
// fit their keys and still hold. What is wrong is a *DamagedError.
func CheckPKI(l Layout, c Cluster, now time.Time) error {
	for _, spec := range certSpecs(c.NodeName) {
		path := l.Cert(spec.name)
		data, err := os.ReadFile(path)
		if err != nil {
			return &DamagedError{Path: path, Err: err}
		}
		cert, err := parseCert(data)
		if err != nil {
			return &DamagedError{Path: path, Err: err}
		}
		if now.After(cert.NotAfter) {
			return &DamagedError{Path: path, Err: fmt.Errorf("the certificate ended on %s", cert.NotAfter.Format(time.DateOnly))}
		}
		if err := checkKey(l.Key(spec.name), cert); err != nil {
			return &DamagedError{Path: l.Key(spec.name), Err: err}
		}
	}
	for _, path := range []string{l.Key(keyServiceAccounts), l.ServiceAccountPublicKey()} {
		if data, err := os.ReadFile(path); err != nil {
			return &DamagedError{Path: path, Err: err}
		} else if block, _ := pem.Decode(data); block == nil {
			return &DamagedError{Path: path, Err: errors.New("not a PEM file")}
		}
	}
	return nil
}

func checkKey(path string, cert *x509.Certificate) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return errors.New("not a PEM file")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return errors.New("the key does not belong to its certificate")
	}
	return nil
}

func parseCert(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not a PEM file")
	}
	return x509.ParseCertificate(block.Bytes)
}

// ServiceAccountPublicKey is the file of the key that checks the tokens of
// service accounts.
func (l Layout) ServiceAccountPublicKey() string {
	return filepath.Join(l.PKI(), keyServiceAccounts+".pub")
}

// ClientCA is the certificate whose signatures on client certificates count.
func (l Layout) ClientCA() string { return l.Cert(certCA) }
