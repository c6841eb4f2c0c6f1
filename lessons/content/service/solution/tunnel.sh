# tunnel.sh TARGET PORT REQUESTS: opens `kubectl port-forward` to a Pod or a
# Service on a free local port, sends so many requests for / through it, prints
# the answers and closes it again. A request that fails prints nothing.
#
# The requests are made by kubectl, as curl is not on every machine:
# `get --raw` against another server is a plain HTTP GET.
target=$1 port=$2 requests=$3
dir=$(mktemp -d)
kubectl port-forward "$target" ":$port" >"$dir/log" 2>&1 &
tunnel=$!
trap 'kill "$tunnel" 2>/dev/null || true; wait "$tunnel" 2>/dev/null || true; rm -rf "$dir"' EXIT
until grep -q '^Forwarding from 127' "$dir/log"; do
  kill -0 "$tunnel" || { cat "$dir/log" >&2; exit 1; }
  sleep 0.1
done
address=$(sed -n 's/^Forwarding from \(127[^ ]*\) .*/\1/p' "$dir/log" | head -n 1)
while [ "$requests" -gt 0 ]; do
  KUBECONFIG=/dev/null kubectl --server="http://$address" get --raw / 2>/dev/null || true
  requests=$((requests - 1))
done
