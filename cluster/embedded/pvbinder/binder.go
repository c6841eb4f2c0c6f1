// Package pvbinder runs upstream's persistentvolume-binder-controller with a
// hostPath plugin of the node's own host. Kubernetes' controller manager
// chooses the plugins itself and has no way to be given others; its own would
// delete folders of the machine. So that controller is turned off there and
// runs here, beside it, in the same process.
package pvbinder

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubernetes/pkg/controller/volume/persistentvolume"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/nfs"

	"github.com/k8stutor/k8stutor/cluster/embedded/hostpath"
)

// Upstream's defaults (pkg/controller/volume/persistentvolume/config/v1alpha1).
const (
	syncPeriod      = 15 * time.Second
	recyclerMinimum = 60  // seconds, hostPath
	recyclerMinNFS  = 300 // seconds
	recyclerPerGiB  = 30  // seconds
	requestsASecond = 100
	requestsAtOnce  = 200
)

// Binder is the controller, ready to run.
type Binder struct {
	controller *persistentvolume.PersistentVolumeController
	factory    informers.SharedInformerFactory
}

// New makes the controller. kubeconfig is the file with the controller
// manager's credentials, host the folder that stands for "/" of the node. ctx
// carries the logger and ends the controller's Events.
func New(ctx context.Context, kubeconfig, host string) (*Binder, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	cfg.UserAgent = "kube-controller-manager/persistent-volume-binder"
	cfg.QPS, cfg.Burst = requestsASecond, requestsAtOnce
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	plugins, err := plugins(host)
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	core := factory.Core().V1()
	controller, err := persistentvolume.NewController(ctx, persistentvolume.ControllerParameters{
		KubeClient:                client,
		SyncPeriod:                syncPeriod,
		VolumePlugins:             plugins,
		VolumeInformer:            core.PersistentVolumes(),
		ClaimInformer:             core.PersistentVolumeClaims(),
		ClassInformer:             factory.Storage().V1().StorageClasses(),
		PodInformer:               core.Pods(),
		NodeInformer:              core.Nodes(),
		EnableDynamicProvisioning: true,
	})
	if err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	return &Binder{controller: controller, factory: factory}, nil
}

// Run runs the controller until ctx ends. It is to be called once.
func (b *Binder) Run(ctx context.Context) {
	b.factory.Start(ctx.Done())
	b.controller.Run(ctx)
	b.factory.Shutdown()
}

// plugins are those of upstream's controller that can delete, recycle or
// provision.
func plugins(host string) ([]volume.VolumePlugin, error) {
	recycler := func(minimum int) volume.VolumeConfig {
		return volume.VolumeConfig{
			RecyclerMinimumTimeout:   minimum,
			RecyclerTimeoutIncrement: recyclerPerGiB,
			RecyclerPodTemplate:      volume.NewPersistentVolumeRecyclerPodTemplate(),
		}
	}
	hostPath, err := hostpath.New(host, recycler(recyclerMinimum))
	if err != nil {
		return nil, err
	}
	return append([]volume.VolumePlugin{hostPath}, nfs.ProbeVolumePlugins(recycler(recyclerMinNFS))...), nil
}
