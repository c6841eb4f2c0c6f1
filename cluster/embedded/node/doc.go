// Package node runs the real kubelet as an unprivileged process on the
// in-process container runtime of package runtime. What the kubelet would ask
// of the kernel (cgroups, mounts, cAdvisor) is answered here; everything else
// is upstream's.
package node
