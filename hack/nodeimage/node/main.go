// Command node is every program of a Kubernetes node in one: which one it is
// says the name it is started by, or its first argument.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	genericapiserver "k8s.io/apiserver/pkg/server"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubeadmutil "k8s.io/kubernetes/cmd/kubeadm/app/util/errors"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
	metrics "sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

// run runs a component as its upstream main does.
func run(c *cobra.Command) func([]string) int {
	return func([]string) int { return cli.Run(c) }
}

func programs(name string) (func(args []string) int, bool) {
	all := map[string]func() func([]string) int{
		"kube-apiserver":          func() func([]string) int { return run(apiserver.NewAPIServerCommand()) },
		"kube-controller-manager": func() func([]string) int { return run(controllers.NewControllerManagerCommand()) },
		"kube-scheduler":          func() func([]string) int { return run(scheduler.NewSchedulerCommand()) },
		"kube-proxy":              func() func([]string) int { return run(proxy.NewProxyCommand()) },
		"kubelet":                 func() func([]string) int { return run(kubelet.NewKubeletCommand(context.Background())) },
		"metrics-server":          func() func([]string) int { return runMetrics },
		"kubeadm":                 func() func([]string) int { return runKubeadm },
		"kubectl":                 func() func([]string) int { return runKubectl },
		"etcd":                    func() func([]string) int { return runEtcd },
		"crictl":                  func() func([]string) int { return runCrictl },
		"node-cni":                func() func([]string) int { return runCNI },
	}
	if make, ok := all[name]; ok {
		return make(), true
	}
	fmt.Fprintf(os.Stderr, "%q is none of %s\n", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	return nil, false
}

func runKubeadm([]string) int {
	kubeadmutil.HandleError(kubeadm.Run())
	return 0
}

func runKubectl(args []string) int {
	// As kubectl does: it is parsed again, and complained about, with the flags.
	_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(args))
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}

func runEtcd(args []string) int {
	etcdmain.Main(args)
	return 0
}

func runMetrics([]string) int {
	logs.InitLogs()
	defer logs.FlushLogs()
	if err := metrics.NewMetricsServerCommand(genericapiserver.SetupSignalHandler()).Execute(); err != nil {
		return 1
	}
	return 0
}

func main() {
	name := filepath.Base(os.Args[0])
	if name == "node" && len(os.Args) > 1 {
		name, os.Args = os.Args[1], os.Args[1:]
	}
	program, ok := programs(name)
	if !ok {
		os.Exit(2)
	}
	os.Exit(program(os.Args))
}
