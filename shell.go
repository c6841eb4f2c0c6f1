package main

import "path/filepath"

// kubectlEnv is what keeps kubectl to the practice cluster: our kubeconfig, a
// discovery cache of our own, and none of the learner's kubectl preferences
// (kuberc), which could change what a lesson's commands do.
func kubectlEnv(kubeconfig, state string) map[string]string {
	return map[string]string{
		"KUBECONFIG":   kubeconfig,
		"KUBECACHEDIR": filepath.Join(state, "kubectl-cache"),
		"KUBERC":       "off",
	}
}
