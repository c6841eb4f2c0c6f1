# seen.sh: waits until the Deployment controller has seen the newest change of
# go-api, so that it has a ReplicaSet and a revision of its own. Waiting for the
# Pods would take ten times as long.
generation=$(kubectl get deployment go-api -o jsonpath='{.metadata.generation}')
kubectl wait --for=jsonpath='{.status.observedGeneration}'="$generation" deployment/go-api --timeout=60s
