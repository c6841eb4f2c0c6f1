// Package runtime is the container runtime of the embedded cluster. It
// implements the two services of the Container Runtime Interface
// (https://github.com/kubernetes/cri-api) as Go interfaces that the kubelet
// calls in-process: a container is a goroutine that runs a workload.Program,
// with a real directory as its file system, CRI log files, a CPU and memory
// account, and exec, attach and port-forward over k8s.io/cri-streaming.
package runtime
