package fidelity

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

const (
	binaryEnv     = "K8STUTOR_EMBEDDED_BIN"
	kubeconfigEnv = "K8STUTOR_FIDELITY_KUBECONFIG"
	asKubectlEnv  = "K8STUTOR_FIDELITY_AS_KUBECTL"
)

// shared is the cluster that all tests use, each in a namespace of its own.
var shared *cluster

func TestMain(m *testing.M) {
	if os.Getenv(asKubectlEnv) != "" {
		if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
			util.CheckErr(err) // ends the process as kubectl does
		}
		return
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fidelity:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	kubeconfig := os.Getenv(kubeconfigEnv)
	binary := os.Getenv(binaryEnv)
	if kubeconfig == "" && binary == "" {
		fmt.Fprintf(os.Stderr, "fidelity: nothing is tested: set %s to the k8stutor-embedded binary\n", binaryEnv)
		return 0, nil
	}
	if kubeconfig == "" {
		dir, err := os.MkdirTemp("", "fidelity")
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(dir)
		kubeconfig, err = up(binary, dir)
		if err != nil {
			return 0, err
		}
		defer func() {
			if out, err := exec.Command(binary, "delete", "--dir", filepath.Join(dir, "cluster")).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "fidelity: deleting the cluster: %v\n%s", err, out)
			}
		}()
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return 0, err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return 0, err
	}
	shared = &cluster{Interface: client, config: config, kubeconfig: kubeconfig}
	return m.Run(), nil
}

// up brings a cluster up and returns its kubeconfig.
func up(binary, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	dir = filepath.Join(dir, "cluster")
	var out bytes.Buffer
	c := exec.CommandContext(ctx, binary, "up", "--dir", dir, "--name", "fidelity")
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", c, err, &out)
	}
	return filepath.Join(dir, "kubeconfig"), nil
}
